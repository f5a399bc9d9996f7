// The palette: Ctrl or ⌘ K, or [data-palette-open], which may name what is looked for alone: data-palette-open="projects".
// A combobox with a list below it, as ARIA's pattern has it: ↓ ↑ go through the list, ↵ takes, with Ctrl or ⌘ in a tab of its own, Esc closes.
// What the page itself can do stands in its elements: <button data-palette="Generate">, and the links of its <nav class="seg" aria-label="Show">.
// What may be found elsewhere the server says.
import { send } from "app/request";
import { announce } from "app/toast";

const PATIENCE = 120, SLOW = 200; // ms after a key; ms until it says that it is looking
const palette = document.getElementById("palette");
const field = document.getElementById("palette-q");
const list = document.getElementById("palette-list");
const none = document.getElementById("palette-none");
const said = document.getElementById("palette-said");
const heard = new Map(); // answers of this opening, by what was asked
let timer, slow, asked = null, only = "", opener = null;

const typed = () => field.value.trim();
const options = () => [...list.querySelectorAll("[role=option]")];
const chosen = () => list.querySelector('[aria-selected="true"]');

function open(scope = "") {
  if (palette.open) { palette.close(); return; }
  opener = document.activeElement;
  only = scope;
  heard.clear();
  field.value = "";
  list.replaceChildren();
  none.hidden = true;
  document.getElementById("places")?.close();
  palette.showModal();
  look(0);
}

palette?.addEventListener("close", () => {
  hush();
  if (document.activeElement === document.body) opener?.focus?.();
});

document.addEventListener("session:back", () => { if (palette?.open) look(0); });
document.addEventListener("click", (e) => {
  const button = e.target.closest?.("[data-palette-open]");
  if (button) open(button.dataset.paletteOpen);
});
document.addEventListener("keydown", (e) => {
  const mac = "mac" in document.documentElement.dataset;
  if (e.key?.toLowerCase() !== "k" || e.altKey || e.shiftKey || !(mac ? e.metaKey && !e.ctrlKey : e.ctrlKey && !e.metaKey)) return;
  if (!palette) return;
  e.preventDefault();
  open();
});

// ───────── asking: one request after a pause, and only the newest answer counts

function look(pause = PATIENCE) {
  hush();
  show(heard.get(typed()) ?? null);
  if (!heard.has(typed())) timer = setTimeout(ask, pause);
}

// Nothing is asked any more, and it does not say that it is looking.
function hush() {
  clearTimeout(timer);
  clearTimeout(slow);
  asked?.abort();
  asked = null;
  list.removeAttribute("aria-busy");
}

async function ask() {
  const q = typed(), mine = asked = new AbortController();
  const address = new URL(palette.dataset.found, location.href);
  address.search = new URLSearchParams({ q, here: palette.dataset.here, only });
  slow = setTimeout(() => list.setAttribute("aria-busy", "true"), SLOW);
  try {
    const answer = await send(address, { signal: mine.signal }, "never");
    if (answer.status === 401) return trouble("You are signed out. What this page can do is still here.");
    if (!answer.ok) return trouble("The studio did not answer. Try again in a moment.");
    heard.set(q, await answer.text());
    if (asked === mine) show(heard.get(q));
  } catch (error) {
    if (error.name !== "AbortError") trouble("No answer. Check the connection; what this page can do is still here.");
  } finally {
    if (asked === mine) hush();
  }
}

function trouble(words) {
  none.textContent = words;
  none.hidden = false;
  said.textContent = words;
}

// ───────── showing: what the page can do, and what the server found; old lines stay until the new ones are here

function show(html) {
  const own = only ? null : deeds();
  const before = [...list.querySelectorAll("#found > [role=group]")];
  const groups = html === null ? before : [...parsed(html).querySelectorAll("[role=group]")];
  const found = document.createElement("div");
  found.id = "found";
  found.setAttribute("role", "presentation");
  found.append(...groups);
  list.replaceChildren(...(own ? [own] : []), found);
  if (own && !typed() && groups[0]) groups[0].after(own);
  point(options()[0]);
  if (html === null) return;
  const count = options().length;
  none.hidden = count > 0;
  none.textContent = count ? "" : `Nothing here is called “${typed()}”. Clips are found by their code, as in TIDE-047, or by words of their prompt.`;
  said.textContent = count ? `${count} ${count === 1 ? "line" : "lines"}` : "Nothing found";
}

const parsed = (html) => new DOMParser().parseFromString(html, "text/html");

// As the server folds text (studio/text_search/folding.py): no capitals, no accents, one form of each letter.
const LETTERS = { ß: "ss", ς: "σ", ı: "i", ł: "l", ø: "o", æ: "ae", œ: "oe" };
const SPACELESS = /[\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff]|\p{Extended_Pictographic}/u; // scripts without spaces have no beginnings of words
const fold = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f\ufe0f]+/g, "").toLowerCase().replace(/[ßςıłøæœ]/g, (one) => LETTERS[one]).normalize("NFC");

function deeds() {
  const words = fold(typed()).split(/\s+/).filter(Boolean), names = new Set();
  const near = "#main [data-palette], .top [data-palette]", rows = "#main nav.seg a, .top nav.seg a";
  const nearest = [near, rows, "[data-palette]"].flatMap((selector) => [...document.querySelectorAll(selector)]);
  const able = nearest.filter((one) => {
    const name = nameOf(one), folded = fold(` ${name} ${one.dataset.paletteAlso ?? ""}`);
    if (one.disabled || one.hidden || one.getAttribute("aria-current") || names.has(name)) return false;
    const fits = words.every((word) => folded.includes(` ${word}`) || ((word.length > 2 || SPACELESS.test(word)) && folded.includes(word)));
    if (fits) names.add(name);
    return fits;
  });
  if (!able.length) return null;
  const group = document.createElement("div"), heading = document.createElement("p");
  group.setAttribute("role", "group");
  group.setAttribute("aria-labelledby", "deeds-h");
  Object.assign(heading, { id: "deeds-h", className: "palette__h", textContent: "On this page" });
  heading.setAttribute("role", "presentation");
  group.append(heading, ...able.map(deed));
  return group;
}

// A link of a row is called after its row: "Show: In progress", without the number behind it.
const nameOf = (element) => element.dataset.palette ?? `${element.closest("nav").ariaLabel}: ${element.firstChild.textContent.trim()}`;

function deed(element, at) {
  const option = document.createElement("button"), words = document.createElement("span"), keys = document.createElement("span");
  Object.assign(option, { type: "button", className: "menu__item", id: `deed-${at}`, tabIndex: -1 });
  option.setAttribute("role", "option");
  option.setAttribute("aria-selected", "false");
  Object.assign(words, { className: "palette__w", textContent: nameOf(element) });
  keys.className = "palette__k";
  keys.setAttribute("aria-hidden", "true");
  let modified = false;
  for (const key of (element.dataset.paletteKeys ?? element.dataset.key ?? "").split(" ").filter(Boolean)) {
    if (key === "mod") modified = true;
    else keys.append(Object.assign(document.createElement("kbd"), { className: modified ? "mod" : "", textContent: key.toUpperCase() }));
  }
  option.append(icon(element), words, keys);
  option.addEventListener("click", () => { palette.close(); act(element); });
  return option;
}

// Its own, or the one that it names, out of the sprite that the page's other icons are from.
function icon(element) {
  const drawn = (element.querySelector("svg.i") ?? palette.querySelector("svg.i")).cloneNode(true), { paletteIcon } = element.dataset;
  const use = drawn.querySelector("use"), sprite = use.getAttribute("href").split("#")[0];
  if (paletteIcon || !element.querySelector("svg.i")) use.setAttribute("href", `${sprite}#${paletteIcon ?? "chevron-right"}`);
  drawn.setAttribute("class", "i");
  return drawn;
}

function act(element) {
  if (element.matches("textarea, input, select")) element.focus();
  else element.click();
  announce(nameOf(element));
}

// ───────── choosing

function point(option) {
  options().forEach((one) => one.setAttribute("aria-selected", String(one === option)));
  if (!option) { field.removeAttribute("aria-activedescendant"); return; }
  field.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6 };
field?.addEventListener("keydown", (e) => {
  if (e.isComposing) return;
  const all = options(), step = STEPS[e.key];
  if (step && all.length) {
    e.preventDefault();
    const at = all.indexOf(chosen()) + step;
    const next = Math.abs(step) === 1 ? (at + all.length) % all.length : Math.max(0, Math.min(at, all.length - 1));
    point(all[next]);
  } else if (e.key === "Enter") {
    e.preventDefault();
    take(chosen(), { apart: e.ctrlKey || e.metaKey });
  }
});
field?.addEventListener("input", () => look());
list?.addEventListener("pointermove", (e) => {
  const option = e.target.closest("[role=option]");
  if (option && option !== chosen() && e.pointerType === "mouse") point(option);
});
list?.addEventListener("pointerdown", (e) => { if (e.pointerType === "mouse") e.preventDefault(); }); // the focus stays in the field
list?.addEventListener("click", (e) => { if (e.target.closest("a") && !e.ctrlKey && !e.metaKey && !e.shiftKey) palette.close(); });

function take(option, { apart }) {
  if (!option) return;
  if (apart && option.href) window.open(option.href, "_blank", "noopener");
  else option.click();
}
