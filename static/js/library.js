// The prompt library in the Studio: fields for variables as they are typed, a text of the library put in, a brief kept there.
const PAUSE = 350; // ms after the last key before the fields are asked for
const prompt = () => document.getElementById("prompt");
const values = () => document.getElementById("values");
let timer, put = ""; // the text that was put in last

// Only the server knows what a variable is. It is asked while there may be one, or fields that are to go.
function look() {
  const fields = values();
  if (!fields || !prompt()) return;
  if (prompt().value.includes("{{") || fields.querySelector("[name]")) fields.dispatchEvent(new Event("variables"));
}
function soon() {
  clearTimeout(timer);
  timer = setTimeout(look, PAUSE);
}
// An order answers with the whole composer, fields and what is wrong with them: an answer about the fields that was asked for before comes too late.
let asked = 0, ordered = 0;
document.addEventListener("htmx:before:request", (e) => {
  if (e.target.id === "values") asked = performance.now();
  if (e.target.id !== "composer") return;
  clearTimeout(timer);
  ordered = performance.now();
});
document.addEventListener("htmx:before:swap", (e) => {
  if (e.detail.ctx.sourceElement?.id === "values" && asked <= ordered) e.preventDefault();
});
document.addEventListener("input", (e) => {
  if (e.target.id !== "prompt") return;
  if (!e.target.value) document.querySelector("#about [data-prompt]")?.remove(); // who empties the prompt has left the text that it came from
  soon();
});
document.addEventListener("click", (e) => {
  if (!e.target.closest?.("[data-clear]")) return;
  document.querySelector("#about [data-prompt]")?.remove();
  soon();
});

// A text that is put in takes the place of what stands there. Nobody loses words that they have not been asked about.
document.addEventListener("click", (e) => {
  const pick = e.target.closest?.("[data-insert]");
  if (!pick || !prompt()?.value.trim() || prompt().value === put) return;
  if (window.confirm("Put this prompt in place of what you have written?")) return;
  e.preventDefault();
  e.stopImmediatePropagation();
}, true);
document.addEventListener("keydown", (e) => {
  if (e.target.id !== "library-q") return;
  if (e.key === "Enter") {
    e.preventDefault();
    document.querySelector("#library-rows [data-insert]")?.click();
  } else if (e.key === "ArrowDown") {
    e.preventDefault();
    document.querySelector("#library-rows [data-insert]")?.focus();
  }
});
document.addEventListener("htmx:after:swap", (e) => {
  const address = e.detail.ctx.request?.action ?? "";
  if (address.includes("composer/") && address.includes("prompt=")) arrive();
});
function arrive() {
  document.getElementById("library")?.close();
  const empty = [...(values()?.querySelectorAll("[name]") ?? [])].find((field) => !field.value.trim());
  document.getElementById("composer")?.scrollIntoView({ block: "nearest" });
  (empty ?? values()?.querySelector("[name]") ?? prompt())?.focus();
  put = prompt()?.value ?? "";
  prompt()?.dispatchEvent(new Event("input", { bubbles: true })); // the draft and the counter are the composer's
}

// A card's prompt is kept in the dialog where there is one, else on a page of its own.
document.addEventListener("click", (e) => {
  const link = e.target.closest?.("a[data-keep]"), dialog = document.getElementById("keep");
  if (!link || !dialog || e.metaKey || e.ctrlKey || e.shiftKey) return;
  e.preventDefault();
  dialog.showModal();
  htmx.ajax("GET", link.href, { target: "#keep-form", swap: "outerHTML" });
});
document.addEventListener("kept", () => document.getElementById("keep")?.close());

if (/[?&]prompt=\d/.test(location.search)) arrive(); else look();
