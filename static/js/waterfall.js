// Folding the children of a span. Without this script every span is shown.
function depthOf(row) {
  return Number(row.dataset.depth);
}

function refold(list) {
  let hiddenBelow = Infinity;
  for (const row of list.querySelectorAll("[data-depth]")) {
    const depth = depthOf(row);
    if (depth <= hiddenBelow) hiddenBelow = Infinity;
    row.hidden = depth > hiddenBelow;
    if (!row.hidden && row.classList.contains("is-folded")) hiddenBelow = depth;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fold]");
  if (!button) return;
  event.preventDefault();
  const row = button.closest("[data-depth]");
  const folded = row.classList.toggle("is-folded");
  button.setAttribute("aria-expanded", String(!folded));
  refold(row.parentElement);
});
