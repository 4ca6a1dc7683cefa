// Lists from which rows are chosen: all of a page at once, how many are checked, and x on the keyboard.
function form(of) {
  return of.closest("[data-selection]");
}

function refresh(list) {
  const boxes = [...list.querySelectorAll("[data-check]")];
  const checked = boxes.filter((box) => box.checked).length;
  const all = list.querySelector("[data-check-all]");
  if (all) {
    all.checked = checked === boxes.length && checked > 0;
    all.indeterminate = checked > 0 && checked < boxes.length;
  }
  const count = list.querySelector("[data-checked-count]");
  if (count) {
    count.hidden = checked === 0;
    count.textContent = checked;
  }
}

document.addEventListener("change", (event) => {
  const list = form(event.target);
  if (!list) return;
  if (event.target.matches("[data-check-all]")) {
    for (const box of list.querySelectorAll("[data-check]")) box.checked = event.target.checked;
  }
  if (event.target.matches("[data-check], [data-check-all]")) {
    // Whoever checks a row means the checked ones.
    const scope = list.querySelector("[data-scope-checked]");
    if (scope) scope.checked = true;
    refresh(list);
  }
});

// A browser keeps what was checked when one comes back to a page.
function refreshAll() {
  for (const list of document.querySelectorAll("[data-selection]")) refresh(list);
}
document.addEventListener("htmx:load", refreshAll);
addEventListener("pageshow", refreshAll);

// x chooses the row that j and k walked to; false when there is none.
export function toggleRow() {
  const box = document.querySelector("tr.is-current [data-check]");
  box?.click();
  return Boolean(box);
}

// A key of a button: pressing it is pressing the button. With nothing chosen it means the row walked to.
export function pressButton(key) {
  const button = document.querySelector(`[data-key="${key}"]`);
  if (!button || button.disabled) return false;
  const list = form(button);
  if (list && !list.querySelector("[data-check]:checked") && list.querySelector("[data-scope-checked]:checked")) toggleRow();
  button.click();
  return true;
}
