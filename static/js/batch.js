// Many clips out of the composer: several values for a variable, how many prompts they make, and the way to a file with what stands in the composer.
import { keep } from "app/draft";

const values = () => document.getElementById("values");

// Only the server knows how many prompts there are. It is asked when values change; then the price is asked for anew.
document.addEventListener("change", (e) => {
  if (!e.target.matches?.('#matrix, [name^="many:"]')) return;
  values()?.dispatchEvent(new Event("variables"));
  keep();
});
document.addEventListener("htmx:after:swap", (e) => {
  if (e.detail.ctx.sourceElement?.id === "values") document.getElementById("composer-bar")?.dispatchEvent(new Event("change"));
});
document.addEventListener("change", (e) => { if (e.target.id === "takes") keep(); });

// The file's page begins with what the composer holds at this moment, also what no draft has yet.
document.addEventListener("click", (e) => {
  const link = e.target.closest?.("a[data-sheet]"), form = document.getElementById("composer");
  if (!link || !form || e.metaKey || e.ctrlKey || e.shiftKey) return;
  e.preventDefault();
  const { action } = form;
  form.action = link.href;
  HTMLFormElement.prototype.submit.call(form); // past htmx: this is a page
  form.action = action;
});
