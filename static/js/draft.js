// The draft: what is typed is kept on the server, soon after the last key, for each person and project. Without an answer it stays in this browser and is
// sent again. A page that saw an older text than the server has is told so and replaces nothing until its person has decided.

import { send } from "app/request";
import { readData, write } from "app/storage";

const SOON = 700, AGAIN = 5000; // ms
const NOT_KEPT = ["csrfmiddlewaretoken", "order_key", "draft_version", "upload"];
const form = () => document.getElementById("composer");
const prompt = () => document.getElementById("prompt");
const PUT_ASIDE = "What you were writing was put aside.";
let timer, sending = null, more = false, waits = false;

const about = () => {
  const { operation, source } = form().elements;
  return source?.value ? `${operation.value}-${source.value}` : "";
};
const versions = new Map(); // of each draft that this page shows
function seen() {
  versions.set(about(), Number(form().elements.draft_version.value));
}
function fields() {
  const data = new FormData(form());
  NOT_KEPT.forEach((name) => data.delete(name));
  return new URLSearchParams(data);
}
let kept = form() ? String(fields()) : "";

export function keep() {
  clearTimeout(timer);
  if (form() && !waits) timer = setTimeout(save, SOON);
}

async function save({ leaving = false } = {}) {
  clearTimeout(timer);
  const now = form() && fields(), text = String(now);
  if (!now || waits || text === kept) return;
  if (sending && !leaving) { more = true; return; }
  if (leaving) aside(now); // the next page may be asked for before this arrives
  const mine = sending = new AbortController();
  const answer = await post(now, { keepalive: leaving, signal: mine.signal });
  if (mine.signal.aborted) return; // it is being ordered
  sending = null;
  await heard(answer, text);
  if (more) { more = false; keep(); }
}

function post(given, options = {}) {
  const body = new URLSearchParams(given);
  body.set("draft_version", versions.get(about()) ?? 0);
  return send(form().dataset.keep, { method: "POST", body, ...options }, "never").catch(() => null);
}

async function heard(answer, text) {
  const said = answer ? await answer.json().catch(() => null) : null;
  if (answer?.ok && said) {
    kept = text;
    versions.set(about(), said.version);
    form().elements.draft_version.value = said.version;
    aside(null);
    say("");
  } else if (answer?.status === 409 && said) conflict(said);
  else if (answer?.status === 422 && said) say(said.why, { tone: "warn" });
  else {
    aside(fields());
    say("Not kept on the server yet. It is kept in this browser, and sent again.", { tone: "warn" });
    timer = setTimeout(save, AGAIN);
  }
}

function conflict({ version, at, begins }) {
  waits = true;
  say(`You changed this draft somewhere else at ${at}: “${begins}”`, {
    tone: "warn",
    acts: [
      ["Keep this one", () => { offered = null; versions.set(about(), version); waits = false; save(); }],
      ["Take the other", () => { offered = null; waits = false; take(); }],
    ],
  });
}
function other() {
  const address = new URL(form().getAttribute("hx-post").replace("/jobs/", "/composer/"), location.href);
  const [operation, ...source] = about().split("-");
  if (operation) address.searchParams.set(operation, source.join("-"));
  return address.href;
}

// Words that were put aside stay within reach until they are brought back, a conflict is decided or an order is sent.
// Anything else that there is to say comes before them.
let offered = null;
const offer = (words, text) => {
  offered = { words, text };
  say("");
};

function say(words, { tone = "", acts = [] } = {}) {
  const place = document.getElementById("draft-said");
  if (!place) return;
  if (!words && offered) {
    words = offered.words;
    acts = [["Bring it back", bringBack]];
  }
  place.textContent = words;
  place.dataset.tone = tone;
  for (const [label, act] of acts) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn--quiet btn--sm", textContent: label });
    button.addEventListener("click", () => { act(); say(""); prompt().focus(); });
    place.append(button);
  }
}
function bringBack() {
  const { text } = offered;
  offered = null;
  put(text);
}

// In this browser: the fields that the server does not have, with the version that they would follow, and whether others were on their way there; else the
// version that it has.
const key = () => `draft:${form().dataset.draft}`;
function aside(given) {
  const version = versions.get(about()) ?? 0;
  write(key(), JSON.stringify(given === null ? { version } : { version, fields: String(given), after: Boolean(sending) }));
}
const left = () => readData(key()) ?? {};
async function restore() {
  const seen = versions.get(about()) ?? 0, { fields: unsent, version, after } = left(), text = new URLSearchParams(unsent).get("prompt");
  const follows = version === seen || (after && version + 1 === seen && text === prompt().value); // these words arrived, what was chosen after them did not
  if (named().length) { // what was asked for stays, what it takes the place of is within reach
    const replaced = text || document.getElementById("draft-said").dataset.aside;
    if (replaced && replaced !== prompt().value) offer(PUT_ASIDE, replaced);
  } else if (unsent === String(fields())) aside(null);
  else if (text && follows) await resend(unsent, text);
  else if (text && text !== prompt().value) offer("This browser holds another text of yours.", text);
  else if (!unsent && version > seen) take(); // it was kept while this page was on its way
}
async function take() {
  const held = form().contains(document.activeElement);
  await htmx.ajax("GET", other(), { target: "#composer", swap: "outerHTML" }); // a morph would leave what is typed
  if (held) prompt().focus();
}
async function resend(left, text) {
  const answer = await post(left);
  await heard(answer, left);
  if (answer?.ok) take();
  else put(text);
}
function put(text) {
  prompt().value = text;
  prompt().dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("input", (e) => { if (e.target.id === "prompt") keep(); });
document.addEventListener("change", (e) => { if (form()?.contains(e.target)) keep(); }, true); // the bar's own does not bubble
document.addEventListener("visibilitychange", () => { if (document.hidden) save({ leaving: true }); });
addEventListener("pagehide", () => save({ leaving: true }));
addEventListener("online", () => save());
document.addEventListener("session:back", () => save());

// Ordered: the server empties the draft itself, so nothing that is under way may come after it.
document.addEventListener("htmx:before:request", (e) => {
  if (e.target.id !== "composer") return;
  clearTimeout(timer);
  sending?.abort();
  sending = null;
});
// The composer was swapped. After an order its text is no draft until it is changed; a brief that was put in its place leaves the old text within reach.
let typed = "";
document.addEventListener("htmx:before:swap", () => { typed = prompt()?.value ?? ""; });
document.addEventListener("htmx:after:swap", (e) => {
  const { request, response } = e.detail.ctx, address = request?.action ?? "";
  if (!form() || !(address.includes("/composer/") || (request?.method === "POST" && e.detail.ctx.sourceElement?.id === "composer"))) return;
  seen();
  waits = false;
  if (response?.status === 422) { kept = ""; keep(); say(""); return; }
  kept = String(fields());
  if (!address.includes("/composer/")) { offered = null; return; }
  if (typed.trim() && typed !== prompt().value) offer(PUT_ASIDE, typed);
  else if (offered) say(""); // the new composer's line is empty
  if (address.includes("again=")) { kept = ""; keep(); }
});

// A brief that the address named is begun once: from then on it is the draft, and a reload shows that.
const named = () => ["again", "frame", "prompt", "version"].filter((name) => new URLSearchParams(location.search).has(name));
function begin() {
  if (!named().length) return;
  const address = new URL(location.href);
  named().forEach((name) => address.searchParams.delete(name));
  history.replaceState(history.state, "", address);
  kept = "";
  keep();
}

if (form()) {
  seen();
  if (prompt().value === prompt().defaultValue) restore();
  else { // typed while the page was still coming
    kept = "";
    keep();
  }
  document.addEventListener("DOMContentLoaded", begin); // when every script has read the address
}
