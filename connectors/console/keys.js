// The keyboard: elements name the key that presses them, and "?" shows them all. Every page works by Tab and Enter too.
//
// data-key: pressed, or taken to if it is a field. data-row-key: the same within the row that is current in a list.
// data-list: a list or table whose rows "j" and "k" go through and "x" chooses. data-go: a page, opened by "g" and this.
// data-send: what Ctrl+Enter sends.
"use strict";

const GO_MS = 1500;
const OFF = "thu-thu-keys-off"; // single keys get in the way of speech input: who wishes turns them off
const FIELD = "input:not([type=checkbox], [type=radio]), textarea, select";
const ROWS = "table[data-list] > tbody > tr, tbody[data-list] > tr, ul[data-list] > li, ol[data-list] > li";
const TARGETS = ["a[href]", "button", "summary", "input:not([type=hidden])"];

const opener = document.getElementById("keys");
let going = 0;
let dialog = null;

const isSeen = (one) => one.getClientRects().length > 0;
const first = (selector, within = document) => [...within.querySelectorAll(selector)].find(isSeen);
const named = (attribute, key, within = document) => first(`[${attribute}="${CSS.escape(key)}"]`, within);
const rows = () => [...document.querySelectorAll(ROWS)].filter(isSeen);
const isOff = () => localStorage.getItem(OFF) !== null;

function press(one) {
  if (!one) return false;
  one.focus();
  if (one.matches(FIELD)) one.select?.();
  else one.click();
  return true;
}

function current() {
  const all = rows();
  return all.find((row) => row.contains(document.activeElement)) ?? all.find((row) => "now" in row.dataset);
}

function move(step) {
  const all = rows();
  if (!all.length) return false;
  const at = all.indexOf(current());
  const to = all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)];
  for (const row of all) delete row.dataset.now;
  to.dataset.now = "";
  const target = TARGETS.map((selector) => first(selector, to)).find(Boolean) ?? to;
  if (target === to) to.tabIndex = -1;
  target.focus();
  to.scrollIntoView({ block: "nearest" });
  return true;
}

function choose() {
  const box = current() && first("input[type=checkbox]", current());
  box?.click();
  return Boolean(box);
}

function acts(key) {
  if (going) {
    clearTimeout(going);
    going = 0;
    return press(named("data-go", key));
  }
  if (key === "?") return show();
  const here = current();
  if (here && press(here.querySelector(`[data-row-key="${CSS.escape(key)}"]`))) return true; // also in shut details
  if (key === "j") return move(1);
  if (key === "k") return move(-1);
  if (key === "x" && choose()) return true;
  if (key === "g") return (going = setTimeout(() => (going = 0), GO_MS)) > 0;
  return press(named("data-key", key));
}

function sends(from) {
  const form = from.closest("form");
  if (form?.matches("[data-send]")) return form.requestSubmit(), true;
  const button = (form && first("[data-send]", form)) ?? (form ? null : first("button[data-send]"));
  button?.click();
  return Boolean(button);
}

function nameOf(one) {
  const said = one.dataset.name ?? one.getAttribute("aria-label") ?? one.labels?.[0]?.textContent ?? one.firstChild?.textContent;
  return (said ?? "").replace(/\s+/g, " ").trim();
}

function make(tag, text = "", into = null) {
  const made = document.createElement(tag);
  made.textContent = text;
  into?.append(made);
  return made;
}

function keyLine(list, keys, name) {
  const line = make("div", "", list);
  const term = make("dt", "", line);
  for (const key of keys) make("kbd", key, term);
  make("dd", name, line);
}

function keysHere() {
  const list = make("dl");
  if (rows().length) {
    keyLine(list, ["j"], "Dòng sau");
    keyLine(list, ["k"], "Dòng trước");
    keyLine(list, ["Enter"], "Mở dòng này");
    if (first("input[type=checkbox]", rows()[0])) keyLine(list, ["x"], "Chọn dòng này");
  }
  const told = new Set();
  for (const one of document.querySelectorAll("[data-row-key], [data-key]")) {
    if (!one.dataset.rowKey && !isSeen(one)) continue;
    const key = one.dataset.rowKey ?? one.dataset.key;
    const name = one.dataset.rowKey ? `${nameOf(one)} (dòng này)` : nameOf(one);
    if (!told.has(key + name)) keyLine(list, [key], name);
    told.add(key + name);
  }
  if (first("[data-send]")) keyLine(list, ["Ctrl", "Enter"], "Gửi, lưu");
  keyLine(list, ["?"], "Bảng này");
  return list;
}

function pagesThere() {
  const list = make("dl");
  for (const one of document.querySelectorAll("[data-go]")) keyLine(list, ["g", one.dataset.go], nameOf(one));
  return list;
}

function switchLine() {
  const label = make("label");
  const box = make("input", "", label);
  box.type = "checkbox";
  box.checked = !isOff();
  box.addEventListener("change", () => (box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
  label.append(" Dùng phím một chữ");
  return label;
}

function show() {
  dialog?.remove();
  dialog = make("dialog", "", document.body);
  dialog.id = "keys-here";
  dialog.setAttribute("aria-labelledby", "keys-title");
  make("h2", "Phím tắt", dialog).id = "keys-title";
  const halves = make("div", "", dialog);
  halves.className = "halves";
  for (const [title, list] of [["Trang này", keysHere()], ["Đi tới", pagesThere()]]) {
    const half = make("section", "", halves);
    make("h3", title, half);
    half.append(list);
  }
  dialog.append(switchLine());
  const close = make("button", "Đóng", dialog);
  close.type = "button";
  close.addEventListener("click", () => dialog.close());
  dialog.showModal();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented || dialog?.open) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    if (sends(event.target)) event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches?.(FIELD)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (isOff() && event.key !== "?") return;
  if (acts(event.key.length === 1 ? event.key.toLowerCase() : event.key)) event.preventDefault();
});

for (const one of document.querySelectorAll("[data-key]")) one.setAttribute("aria-keyshortcuts", one.dataset.key);
opener?.addEventListener("click", show);
if (opener) opener.hidden = false;
