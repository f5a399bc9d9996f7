// The composer: keys, counter, draft, what it is about, reference images. Everything listens on the document, so a swapped composer needs no new start.
import { keep } from "app/draft";
import { add } from "app/upload";

const form = () => document.getElementById("composer");
const prompt = () => document.getElementById("prompt");

document.addEventListener("keydown", (e) => {
  if (e.key !== "Enter" || !(e.metaKey || e.ctrlKey) || !form()?.contains(e.target)) return;
  e.preventDefault();
  form().requestSubmit();
});
document.addEventListener("click", (e) => {
  const wanted = e.target.closest?.("[data-focus]");
  if (wanted) document.querySelector(wanted.dataset.focus)?.focus();
  if (e.target.closest?.("[data-clear]")) clear();
});
function clear() {
  prompt().value = "";
  document.querySelectorAll("#refs [data-ref]").forEach((ref) => ref.remove());
  orphan();
  prompt().focus();
  keep();
  count();
  number();
}

// What the brief is about: a press takes the clip or the shot out of it. Who empties the prompt has left the shot that it came from.
const orphan = () => document.querySelector("#about [data-parent]")?.remove();
document.addEventListener("click", (e) => {
  const cross = e.target.closest?.("[data-about-remove]");
  if (!cross) return;
  e.preventDefault();
  cross.closest("[data-about]").remove();
  prompt().focus();
  reprice();
});

// The change that would make the chosen connection possible: made by a press, never by itself.
document.addEventListener("click", (e) => {
  const button = e.target.closest?.("[data-change]");
  if (!button) return;
  for (const [name, value] of Object.entries(JSON.parse(button.dataset.change))) {
    const field = form().elements[name];
    if (field?.type === "checkbox") field.checked = value !== "off";
    else if (field) field.value = value;
  }
  document.getElementById("route-btn")?.focus(); // the button goes with its reason
  reprice();
});

// How long the prompt is, as soon as that matters.
function count() {
  const place = document.getElementById("prompt-count"), bar = document.getElementById("composer-bar");
  if (!place || !bar) return;
  const limit = Number(bar.dataset.limit), length = [...prompt().value].length;
  place.hidden = length < limit * 0.8;
  place.textContent = `${length.toLocaleString("en")} of ${limit.toLocaleString("en")}`;
  place.toggleAttribute("data-over", length > limit);
  document.getElementById("prompt-length").value = length; // which connections can do it hangs on that too, and the words are too long for an address
}
document.addEventListener("click", (e) => { if (e.target.closest?.("#route-btn")) reprice(); }); // whoever opens the list sees what holds for what is written now

document.addEventListener("input", (e) => {
  if (e.target.id !== "prompt") return;
  if (!e.target.value) orphan();
  keep();
  count();
});

// One order at a time: a second press while the first is under way does nothing. The form's own key would make it the same order anyway.
let sending = false;
document.addEventListener("submit", (e) => {
  if (e.target.id !== "composer" || !sending) return;
  e.preventDefault();
  e.stopImmediatePropagation();
}, true);
document.addEventListener("htmx:before:request", (e) => { if (e.target.id === "composer") sending = true; });
document.addEventListener("htmx:finally:request", (e) => {
  if (e.detail.ctx.sourceElement?.id === "composer" || e.target.id === "composer") sending = false;
});

// A brief that was put back: show it, ready to be changed.
document.addEventListener("htmx:after:swap", (e) => {
  count();
  if (e.detail.ctx.request?.action?.includes("again=")) arrive();
});
function arrive() {
  form()?.scrollIntoView({ block: "nearest" });
  prompt()?.focus();
  keep();
}

// Choosing a connection by pointer closes the picker, once one has seen the choice; by keyboard it stays, as the arrows walk through it. Whoever closes it and
// opens it again meanwhile keeps it open.
let closing;
document.addEventListener("click", (e) => {
  if (!(e.detail > 0 && e.target.closest?.(".route"))) return;
  clearTimeout(closing); // a press on the label is a click on its field too
  closing = setTimeout(() => document.getElementById("routes")?.hidePopover?.(), 120);
});
document.addEventListener("beforetoggle", (e) => { if (e.target.id === "routes") clearTimeout(closing); }, true);

// Reference images: chosen, pasted, dropped or named by address; moved and removed by their buttons.
const reprice = () => document.getElementById("composer-bar")?.dispatchEvent(new Event("change"));
function number() {
  document.querySelectorAll("#refs [data-ref]").forEach((ref, at) => { ref.querySelector("em").textContent = at + 1; });
  reprice();
}
async function addAll(files) {
  document.getElementById("ref-add")?.hidePopover?.();
  await Promise.all([...files].map((file) => add(form(), { file })));
  number();
}
document.addEventListener("change", (e) => {
  if (!e.target.matches?.("[data-upload]")) return;
  const files = [...e.target.files];
  e.target.value = "";
  addAll(files);
});
document.addEventListener("paste", (e) => {
  const files = [...(e.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
  if (!files.length || !form()?.contains(e.target)) return;
  e.preventDefault();
  addAll(files);
});
document.addEventListener("click", async (e) => {
  const button = e.target.closest?.("[data-ref-remove], [data-ref-earlier], [data-add-address]");
  if (!button) return;
  const ref = button.closest("[data-ref]");
  if (button.matches("[data-ref-remove]")) {
    const next = ref.nextElementSibling;
    ref.remove();
    next?.querySelector?.("[data-ref-remove]")?.focus();
    number();
  } else if (button.matches("[data-ref-earlier]")) {
    ref.previousElementSibling?.before(ref);
    button.focus();
    number();
  } else if (await addAddress()) number();
});
document.addEventListener("keydown", (e) => {
  if (e.key !== "Enter" || e.target.id !== "address" || e.ctrlKey || e.metaKey) return;
  e.preventDefault();
  addAddress().then((added) => added && number());
});
async function addAddress() {
  const field = document.getElementById("address"), address = field.value.trim();
  if (!address || !(await add(form(), { address }))) return false;
  field.value = "";
  document.getElementById("ref-add")?.hidePopover?.();
  return true;
}

document.addEventListener("frame:added", () => { number(); keep(); });

// Dropping anywhere on the page that has a composer.
let depth = 0;
const holdsFiles = (e) => [...(e.dataTransfer?.types ?? [])].includes("Files");
function dropZone(shown) {
  const zone = document.getElementById("drop");
  if (zone) zone.hidden = !shown;
}
document.addEventListener("dragenter", (e) => {
  if (!holdsFiles(e) || !form()) return;
  depth += 1;
  dropZone(true);
});
document.addEventListener("dragleave", (e) => {
  if (!holdsFiles(e) || !form()) return;
  depth = Math.max(0, depth - 1);
  if (!depth) dropZone(false);
});
document.addEventListener("dragover", (e) => { if (holdsFiles(e) && form()) e.preventDefault(); });
document.addEventListener("drop", (e) => {
  if (!holdsFiles(e) || !form()) return;
  e.preventDefault();
  depth = 0;
  dropZone(false);
  addAll(e.dataTransfer.files);
});

count();
if (/[?&](again|edit|extend|frame)=\w/.test(location.search)) arrive();
