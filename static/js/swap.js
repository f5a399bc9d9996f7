// Where a part of the page is replaced without a morph, htmx writes the `style` attribute of each old element into the new one with the
// same id. The content policy forbids that attribute, so what scripts have set there goes with the old element.
document.addEventListener("htmx:before:swap", (e) => {
  for (const { target, swapSpec } of e.detail.tasks) {
    if (!(target instanceof Element) || /Morph$/.test(swapSpec?.style ?? "")) continue;
    for (const styled of target.querySelectorAll("[id][style]")) styled.removeAttribute("style");
  }
});
