// Brings what is new into a page, and leaves alone what is being typed. Without it every page works, a reload later.
"use strict";

const SOON_MS = 5000;
const LATER_MS = 30000; // while nobody looks
const GONE = "Phiên làm việc đã hết. Chép lại lời đang viết, rồi đăng nhập lại.";
const OFFLINE = "Chưa nối được với máy chủ, đang thử lại. Lời đang viết vẫn còn trong ô.";

// An XMLHttpRequest and not fetch: it hands over a parsed page, so no text is ever turned into HTML here.
function freshPage() {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("GET", location.pathname + location.search);
    request.responseType = "document";
    request.timeout = 10000;
    request.setRequestHeader("X-Requested-With", "refresh"); // a timer's asking keeps no session alive
    request.onload = () => (request.status < 500 && request.response ? done(request) : failed());
    request.onerror = request.ontimeout = failed;
    request.send();
  });
}

function replace(shown, fresh) {
  const focused = shown.contains(document.activeElement) ? document.activeElement.id : "";
  shown.replaceWith(document.importNode(fresh, true));
  if (focused) document.getElementById(focused)?.focus();
}

function grow(shown, fresh) {
  const before = new Set([...shown.children].map((one) => one.id));
  for (const one of fresh.children) {
    const old = before.has(one.id) && document.getElementById(one.id);
    if (!old) shown.append(document.importNode(one, true));
    else if (!old.isEqualNode(one)) replace(old, one);
  }
  const said = [...fresh.querySelectorAll(".patron")].filter((one) => !before.has(one.id));
  if (said.length) {
    document.getElementById("heard").textContent = said
      .map((one) => `Bạn đọc: ${one.querySelector(".words, .deed")?.textContent ?? ""}`)
      .join(". ");
  }
}

function take(news) {
  if (document.getElementById("shut") && !news.getElementById("shut")) return location.reload(); // one can write again
  document.title = news.title;
  for (const fresh of news.querySelectorAll("[data-live]")) {
    const shown = document.getElementById(fresh.id);
    if (!shown || shown.isEqualNode(fresh)) continue;
    if (fresh.dataset.live === "grows") grow(shown, fresh);
    else replace(shown, fresh);
  }
}

function say(words) {
  const away = document.getElementById("away");
  if (away.textContent !== words) away.textContent = words;
  away.hidden = !words;
}

async function refresh() {
  try {
    const request = await freshPage();
    if (new URL(request.responseURL).pathname !== location.pathname) return say(GONE);
    take(request.response);
    say("");
  } catch {
    say(OFFLINE);
  }
  later();
}

let waiting;
function later() {
  clearTimeout(waiting);
  waiting = setTimeout(refresh, document.hidden ? LATER_MS : SOON_MS);
}

document.addEventListener("visibilitychange", () => !document.hidden && refresh());
later();
