// Draws every [data-chart] with Plotly, in the colours of the current theme. Plotly is 4.8 MB,
// so it is only loaded where a chart is.
let loading;

function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const restore = keepStyleSheetsOut();
    const script = document.createElement("script");
    script.src = "/vendor/plotly.min.js";
    script.onload = () => {
      restore();
      resolve(window.Plotly);
    };
    script.onerror = () => {
      restore();
      reject(new Error("plotly.min.js did not load"));
    };
    document.head.append(script);
  });
  return loading;
}

// Our policy forbids inline styles, and charts.css has the rules that we use. Plotly leaves its own <style> out
// where an element of this id and class is; what its maps bring along, while it loads, becomes an inert element.
function keepStyleSheetsOut() {
  const marker = document.createElement("meta");
  marker.id = "plotly.js-style-global";
  marker.className = "no-inline-styles";
  document.head.append(marker);
  const create = document.createElement;
  document.createElement = (name, options) => create.call(document, name === "style" ? "template" : name, options);
  return () => delete document.createElement;
}

function colour(name) {
  const probe = document.createElement("i");
  probe.className = `ink-of ink-of--${name}`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

// The figure names its colours by token; JSON from the server knows no theme.
function themed(figure) {
  const text = JSON.stringify(figure).replaceAll(/"token:([a-z0-9-]+)"/g, (_, name) => JSON.stringify(colour(name)));
  return JSON.parse(text);
}

async function drawOne(element) {
  const [Plotly, reply] = await Promise.all([
    plotly(),
    fetch(element.dataset.chart, { headers: { Accept: "application/json" }, credentials: "same-origin" }),
  ]);
  if (!reply.ok || !element.isConnected) return;
  const figure = themed(await reply.json());
  await Plotly.react(element, figure.data, figure.layout, { displayModeBar: false, responsive: true });
  element.dataset.drawn = String(Date.now());
}

export function draw(again = false) {
  for (const element of document.querySelectorAll("[data-chart]")) {
    if (again || !element.dataset.drawn) {
      element.dataset.drawn = "0";
      drawOne(element).catch(() => element.classList.add("is-unavailable"));
    }
  }
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(true));
setInterval(() => {
  if (!document.hidden) draw(true);
}, 15000);
