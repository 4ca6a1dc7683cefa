// The keyboard: search from anywhere, walk a table, and a dialog that tells which keys there are.
import { pressButton, toggleRow } from "./selection.js";

const KEYS = [
  [["/"], "Search"],
  [["Ctrl", "K"], "Search, also while typing elsewhere"],
  [["j"], "Next row"],
  [["k"], "Previous row"],
  [["Enter"], "Open the row"],
  [["x"], "Choose the row, in a list of dead letters"],
  [["r"], "Replay the dead letter, or those that are chosen"],
  [["g", "h"], "Go to the home page"],
  [["g", "j"], "Go to journeys"],
  [["g", "t"], "Go to traces"],
  [["g", "d"], "Go to dead letters"],
  [["Esc"], "Leave a field or close a dialog"],
  [["?"], "Show these shortcuts"],
];
const PLACES = { h: "/", j: "/journeys", t: "/traces", d: "/dead-letters" };
let going = 0;

function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function focusSearch() {
  const field = document.querySelector("[data-search-field]") ?? document.querySelector('input[name="q"]');
  field?.focus();
  field?.select();
  return Boolean(field);
}

function rows() {
  return [...document.querySelectorAll("main table tbody tr")].filter((row) => row.querySelector("a.row-link, a.row-link *"));
}

function step(by) {
  const all = rows();
  if (!all.length) return;
  const now = all.findIndex((row) => row.classList.contains("is-current"));
  const next = Math.min(all.length - 1, Math.max(0, now < 0 ? 0 : now + by));
  all[now]?.classList.remove("is-current");
  all[next].classList.add("is-current");
  all[next].querySelector("a.row-link").focus({ preventScroll: true });
  all[next].scrollIntoView({ block: "nearest" });
}

function dialog() {
  const found = document.getElementById("shortcuts");
  if (found) return found;
  const made = document.createElement("dialog");
  made.id = "shortcuts";
  made.setAttribute("aria-labelledby", "shortcuts-title");
  const head = document.createElement("div");
  head.className = "dialog__head";
  const title = document.createElement("h2");
  title.id = "shortcuts-title";
  title.textContent = "Keyboard shortcuts";
  const close = document.createElement("button");
  close.className = "button button--quiet button--small";
  close.type = "button";
  close.dataset.closeDialog = "";
  close.textContent = "Close";
  head.append(title, close);
  const list = document.createElement("dl");
  list.className = "dialog__body shortcut-list";
  list.append(...KEYS.flatMap(([keys, meaning]) => [term(keys), description(meaning)]));
  made.append(head, list);
  document.body.append(made);
  return made;
}

function term(keys) {
  const dt = document.createElement("dt");
  dt.append(...keys.map((key) => Object.assign(document.createElement("kbd"), { textContent: key })));
  return dt;
}

function description(meaning) {
  return Object.assign(document.createElement("dd"), { textContent: meaning });
}

function pressed(event) {
  const wantsSearch = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey;
  if (wantsSearch) return focusSearch();
  if (event.key === "Escape" && isTyping(event.target)) {
    event.target.blur();
    return false;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return false;
  if (document.querySelector("dialog[open]")) return false;
  return plainKey(event.key);
}

function plainKey(key) {
  const follows = Date.now() - going < 1200;
  going = 0;
  if (follows && key in PLACES) {
    location.assign(PLACES[key]);
    return true;
  }
  if (key === "g") going = Date.now();
  else if (key === "/") return focusSearch();
  else if (key === "?") dialog().showModal();
  else if (key === "j") step(1);
  else if (key === "k") step(-1);
  else if (key === "x") return toggleRow();
  else if (key === "r") return pressButton(key);
  else return false;
  return true;
}

document.addEventListener("keydown", (event) => {
  if (pressed(event)) event.preventDefault();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-show-shortcuts]")) dialog().showModal();
});

// Down and up walk the suggestions under the search field.
document.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const box = event.target.closest?.(".search-box");
  if (!box) return;
  const stops = [box.querySelector("input"), ...box.querySelectorAll(".suggestions a")];
  const next = stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
  stops[Math.min(stops.length - 1, Math.max(0, next))]?.focus();
  event.preventDefault();
});
