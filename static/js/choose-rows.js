// Choosing rows of a list: <input data-choose-all> ticks every box named "who" in its <form data-choose-rows>, and [data-chosen] says how many are.
const boxes = (form) => [...form.querySelectorAll('input[name="who"]')];

function tell(form) {
  const all = boxes(form), ticked = all.filter((box) => box.checked).length;
  form.querySelectorAll("[data-choose-all]").forEach((box) => {
    box.checked = ticked === all.length;
    box.indeterminate = ticked > 0 && ticked < all.length;
  });
  const words = form.querySelector("[data-chosen]");
  words.dataset.hint ??= words.textContent;
  words.textContent = ticked ? `${ticked} ticked` : words.dataset.hint;
}

document.addEventListener("change", (e) => {
  const form = e.target.closest?.("form[data-choose-rows]");
  if (!form) return;
  if (e.target.matches("[data-choose-all]")) boxes(form).forEach((box) => { box.checked = e.target.checked; });
  tell(form);
});

// Coming back by the browser's own button, the boxes are as they were left.
addEventListener("pageshow", () => document.querySelectorAll("form[data-choose-rows]").forEach(tell));
