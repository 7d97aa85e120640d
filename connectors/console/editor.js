// While an answer is typed: keeps it, shows how each door would send it, and puts variables in. The form works without.
"use strict";

const PAUSE_MS = 800;
const AWAY = "Chưa giữ được bản đang viết: chưa nối được với máy chủ. Chữ vẫn còn trong ô.";
const form = document.querySelector("form[data-look]");
let timer = 0;
let asked = 0;
let field = document.getElementById("answer");

function typed() {
  return new URLSearchParams(new FormData(form));
}

// An XMLHttpRequest: it hands over a parsed page, so no text is ever turned into HTML here.
function look() {
  const mine = ++asked;
  const request = new XMLHttpRequest();
  request.open("POST", form.dataset.look);
  request.setRequestHeader("Content-Type", "application/x-www-form-urlencoded");
  request.responseType = "document";
  request.timeout = 10000;
  request.onload = () => {
    if (mine !== asked) return; // something newer was typed
    if (request.status === 200 && request.response?.getElementById("look-kept")) show(request.response);
    else say(AWAY);
  };
  request.onerror = request.ontimeout = () => say(AWAY);
  request.send(typed().toString());
}

function show(fresh) {
  for (const part of fresh.querySelectorAll("[data-look-part]")) {
    const shown = document.getElementById(part.id);
    if (shown && !shown.isEqualNode(part)) shown.replaceChildren(...document.importNode(part, true).childNodes);
  }
}

function say(words) {
  document.getElementById("look-kept").textContent = words;
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(look, PAUSE_MS);
});
form.addEventListener("focusin", (event) => {
  if (event.target.matches("#answer, #answer_en")) field = event.target;
});
form.addEventListener("submit", () => clearTimeout(timer));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden || !timer) return;
  clearTimeout(timer);
  navigator.sendBeacon(form.dataset.look, typed());
});
for (const button of form.querySelectorAll("[data-insert]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
