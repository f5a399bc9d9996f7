// A field that finds people as one types: <input data-people="address">, a combobox with a list below it, as ARIA's pattern has it.
//   ↓ ↑ go through the list · ↵ takes · Esc closes · Tab leaves what was typed. Without scripts a whole name or address is typed.
import { send } from "app/request";

const PATIENCE = 150; // ms after a key
let timer, asked;

const listOf = (field) => field.closest(".combo")?.querySelector("[role=listbox]");
const optionsOf = (field) => [...(listOf(field)?.querySelectorAll("[role=option]") ?? [])];

function prepare(field) {
  if (field.closest(".combo")) return;
  const box = Object.assign(document.createElement("div"), { className: "combo" });
  const said = Object.assign(document.createElement("span"), { className: "sr" });
  said.setAttribute("role", "status");
  field.replaceWith(box);
  box.append(field, said);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false" })) field.setAttribute(name, value);
}

function close(field) {
  clearTimeout(timer);
  asked?.abort();
  listOf(field)?.remove();
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
  field.removeAttribute("aria-controls");
}

async function open(field) {
  asked?.abort();
  asked = new AbortController();
  try {
    const answer = await send(`${field.dataset.people}?q=${encodeURIComponent(field.value)}`, { signal: asked.signal }, "never");
    if (!answer.ok || document.activeElement !== field) return; // what was typed can be sent all the same
    const list = document.createRange().createContextualFragment(await answer.text()).firstElementChild;
    close(field);
    list.id = `${field.id}-list`;
    field.parentElement.append(list);
    field.setAttribute("aria-controls", list.id);
    field.setAttribute("aria-expanded", "true");
    field.parentElement.querySelector("[role=status]").textContent = list.dataset.said;
  } catch (trouble) {
    if (trouble.name !== "AbortError") close(field);
  }
}

function point(field, to) {
  const options = optionsOf(field);
  if (!options.length) return;
  const at = options.findIndex((one) => one.ariaSelected === "true");
  const next = options[(Math.max(at + to, at < 0 && to < 0 ? -1 : at + to) + options.length) % options.length];
  options.forEach((one) => { one.ariaSelected = String(one === next); });
  field.setAttribute("aria-activedescendant", next.id);
  next.scrollIntoView({ block: "nearest" });
}

function take(field, option) {
  field.value = option.dataset.value;
  field.dispatchEvent(new Event("change", { bubbles: true }));
  close(field);
}

document.addEventListener("focusin", (e) => { if (e.target.matches?.("[data-people]")) { const field = e.target; if (!field.closest(".combo")) { prepare(field); field.focus(); } } });
document.addEventListener("input", (e) => {
  if (!e.target.matches?.("[data-people]")) return;
  clearTimeout(timer);
  timer = setTimeout(() => open(e.target), PATIENCE);
});
document.addEventListener("keydown", (e) => {
  const field = e.target;
  if (!field.matches?.("[data-people]") || e.isComposing) return;
  const options = optionsOf(field), chosen = options.find((one) => one.ariaSelected === "true");
  if (e.key === "ArrowDown" || e.key === "ArrowUp") {
    e.preventDefault();
    if (listOf(field)) point(field, e.key === "ArrowDown" ? 1 : -1);
    else open(field).then(() => point(field, e.key === "ArrowDown" ? 1 : -1));
  } else if (e.key === "Enter" && chosen) {
    e.preventDefault();
    take(field, chosen);
  } else if (e.key === "Escape" && listOf(field)) {
    e.preventDefault();
    e.stopPropagation();
    close(field);
  }
}, true);
document.addEventListener("pointerdown", (e) => { if (e.target.closest?.(".combo__list")) e.preventDefault(); }); // the field keeps the focus
document.addEventListener("click", (e) => {
  const option = e.target.closest?.(".combo__one");
  if (option) take(option.closest(".combo").querySelector("[data-people]"), option);
});
document.addEventListener("focusout", (e) => { if (e.target.matches?.("[data-people]") && listOf(e.target)) close(e.target); });

document.querySelectorAll("[data-people]").forEach(prepare);
