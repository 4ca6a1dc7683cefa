// What every page can do: copying, live ages, polite polling. Everything works on delegation,
// because htmx replaces the body and parts of it.
import "./shortcuts.js";
import "./waterfall.js";

async function copy(button) {
  const text = button.dataset.copyUrl ? new URL(button.dataset.copyUrl, location.href).href : button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
    mention("Copied");
  } catch {
    mention("The browser did not allow copying");
  }
}

function say(words, kind) {
  const toast = document.createElement("div");
  toast.className = `toast toast--${kind}`;
  toast.textContent = words;
  document.getElementById("toasts")?.replaceChildren(toast);
  return toast;
}

// Words that go away by themselves.
function mention(words) {
  const toast = say(words, "ok");
  setTimeout(() => toast.remove(), 2500);
}

// The same words as controltower/web/formatting.py: the two largest parts, no seconds beside minutes.
const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

function spell(seconds) {
  const exact = Math.max(0, Math.floor(seconds));
  const whole = exact < 60 ? exact : exact - (exact % 60);
  const index = UNITS.findIndex(([, size]) => whole >= size);
  if (index < 0) return "0 s";
  const [unit, size] = UNITS[index];
  const [smaller, smallerSize] = UNITS[index + 1] ?? ["", 1];
  const rest = smaller ? Math.floor((whole % size) / smallerSize) : 0;
  return `${Math.floor(whole / size)} ${unit}` + (rest ? ` ${rest} ${smaller}` : "");
}

function refreshAges() {
  if (document.hidden) return;
  for (const time of document.querySelectorAll("time[data-age]")) {
    const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
    const words = spell(seconds);
    const text = time.dataset.age === "ago" ? `${words} ago` : words;
    if (time.textContent !== text) time.textContent = text;
  }
}

function drawCharts() {
  if (document.querySelector("[data-chart]")) import("./charts.js").then((charts) => charts.draw());
}

document.addEventListener("click", (event) => {
  const copier = event.target.closest("[data-copy], [data-copy-url]");
  if (copier) copy(copier);
  const closer = event.target.closest("[data-close-dialog]");
  if (closer) closer.closest("dialog")?.close();
});

// A filter that is not set does not belong into the address.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-tidy-form]")) return;
  for (const field of event.target.elements) if (field.name && !field.value) field.disabled = true;
}, true);

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-tidy-form] select")) event.target.form.requestSubmit();
});

// Leave the server alone while nobody looks, and while text in the fragment is being selected.
document.addEventListener("htmx:beforeRequest", (event) => {
  const poller = event.target.closest?.("[data-poll]");
  if (!poller || poller !== event.target) return;
  const selection = document.getSelection();
  const selecting = selection && !selection.isCollapsed && poller.contains(selection.anchorNode);
  if (document.hidden || selecting) event.preventDefault();
});

// A page that updates itself says when it cannot, and takes that back once it can again.
document.addEventListener("htmx:sendError", () => {
  say("The tower does not answer. This page keeps trying; what it shows may be old.", "error").dataset.untilAnswer = "";
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) document.querySelector("#toasts [data-until-answer], #toasts #error")?.remove();
});

// A dialog that something was put into is opened.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.matches?.("dialog[data-opens]") && !event.target.open) event.target.showModal();
});

// What a person opened stays open when its fragment is replaced.
let opened = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  opened = [...event.target.querySelectorAll("details[id][open]")].map((details) => details.id);
});
document.addEventListener("htmx:afterSettle", () => {
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  opened = [];
  document.activeElement?.closest("main tbody tr")?.classList.add("is-current");
});

document.addEventListener("htmx:load", () => {
  refreshAges();
  drawCharts();
});
setInterval(refreshAges, 2000);
drawCharts();
