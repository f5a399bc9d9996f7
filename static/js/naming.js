// Naming somebody: what follows an @ in #say-text finds members of the project in a list below it, in ARIA's pattern for a text field with suggestions.
//   ↓ ↑ go through the list · ↵ or Tab takes · Esc closes. Without scripts a whole name is typed.
import { send } from "app/request";

const PATIENCE = 120; // ms after a key
const BEGUN = /(?:^|[^\p{L}\p{N}_])@([\p{L}\p{N}_.'’+-]*(?: [\p{L}\p{N}_.'’-]*)?)$/u; // an @ that begins a word, and at most two words
const field = document.getElementById("say-text");
const address = document.getElementById("say")?.dataset.find;
let timer, asked;

const list = () => field.parentElement.querySelector("[role=listbox]");
const options = () => [...(list()?.querySelectorAll("[role=option]") ?? [])];
const chosen = () => options().find((one) => one.ariaSelected === "true");
const begun = () => (field.selectionStart === field.selectionEnd ? BEGUN.exec(field.value.slice(0, field.selectionStart)) : null);

function close() {
  clearTimeout(timer);
  asked?.abort();
  list()?.remove();
  field.removeAttribute("aria-activedescendant");
  field.removeAttribute("aria-controls");
}

async function open() {
  const words = begun()?.[1];
  if (words === undefined) { close(); return; }
  asked?.abort();
  asked = new AbortController();
  try {
    const answer = await send(`${address}?q=${encodeURIComponent(words)}`, { signal: asked.signal }, "never");
    if (!answer.ok || document.activeElement !== field) return; // a name can be typed all the same
    const found = document.createRange().createContextualFragment(await answer.text()).firstElementChild;
    close();
    if (!found.querySelector("[role=option]")) return;
    found.id = "say-names";
    field.parentElement.append(found);
    field.setAttribute("aria-controls", found.id);
    document.getElementById("say-found").textContent = found.dataset.said;
    point(1);
  } catch (trouble) {
    if (trouble.name !== "AbortError") close();
  }
}

function point(to) {
  const all = options(), at = all.indexOf(chosen());
  const next = all[(at + to + all.length) % all.length];
  if (!next) return;
  all.forEach((one) => { one.ariaSelected = String(one === next); });
  field.setAttribute("aria-activedescendant", next.id);
  next.scrollIntoView({ block: "nearest" });
}

function take(option) {
  const found = begun();
  close();
  if (!found) return;
  const end = field.selectionStart;
  field.setRangeText(`@${option.dataset.value} `, end - found[1].length - 1, end, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

if (field && address) {
  field.setAttribute("aria-autocomplete", "list");
  field.addEventListener("input", () => {
    clearTimeout(timer);
    if (begun()) timer = setTimeout(open, PATIENCE); else close();
  });
  field.addEventListener("keydown", (e) => {
    if (!list() || e.isComposing || e.ctrlKey || e.metaKey) return;
    if (e.key === "ArrowDown" || e.key === "ArrowUp") point(e.key === "ArrowDown" ? 1 : -1);
    else if ((e.key === "Enter" || e.key === "Tab") && chosen()) take(chosen());
    else if (e.key === "Escape") close();
    else return;
    e.preventDefault();
    e.stopPropagation();
  });
  field.parentElement.addEventListener("pointerdown", (e) => { if (e.target.closest(".combo__list")) e.preventDefault(); }); // the field keeps the focus
  field.parentElement.addEventListener("click", (e) => { const option = e.target.closest(".combo__one"); if (option) take(option); });
  field.addEventListener("blur", close);
}
