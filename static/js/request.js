// The one place from which scripts ask the server, htmx too: who the page belongs to, the newest CSRF token, and what
// happens when the session is over.
//   await send(address, { method, body, headers, signal }, kind)   -> a Response, as fetch gives it
//   await upload(address, data, onProgress)                        -> the same, with progress
// A request that is refused because nobody is signed in waits for the sign-in (sign-in.js) and is sent once more; one
// with a stale CSRF token gets a new one.
//   "press"   somebody pressed something: the sign-in dialog opens at once, and the refusal comes back when it is closed
//   "quiet"   a poll, or what follows typing: it waits without asking again
//   "never"   its sender has a way of its own: the refusal comes back at once
// Events on the document: session:out {form} or {press} · session:other {name} · session:back

const SAFE = new Set(["GET", "HEAD"]);
const PRESSES = new Set(["click", "submit", "change", undefined]); // htmx.ajax has no event: a script calls it after a press
const AGAIN = 60_000; // ms for a request that is sent once more
const STATE = "Studio-Session"; // see studio/accounts/sessions.py
const address = document.querySelector('meta[name="studio-session"]')?.content;
const person = document.getElementById("sign-in")?.dataset.person ?? ""; // none on pages that are open to guests
let state = "in"; // "out", or "other": somebody else is signed in
let newest = null, checking = null;
const waiting = new Set();

export const isIn = () => state === "in";
export const isOut = () => state === "out";
export const hasPerson = () => person !== "";
const tell = (name, detail = {}) => document.dispatchEvent(new CustomEvent(name, { detail }));

// ───────── the CSRF token

const inherited = () => JSON.parse(document.body.getAttribute("hx-headers:inherited") ?? "{}");
const token = () => newest ?? inherited()["X-CSRFToken"] ?? "";

function renew(fresh) {
  newest = fresh;
  document.body.setAttribute("hx-headers:inherited", JSON.stringify({ ...inherited(), "X-CSRFToken": fresh }));
  for (const field of document.querySelectorAll('input[name="csrfmiddlewaretoken"]')) field.value = fresh;
}

// Forms that come out of a copy, as those of a dialog that was emptied, may hold an older token.
document.addEventListener("submit", (e) => {
  const field = e.target.elements?.namedItem?.("csrfmiddlewaretoken");
  if (newest && field) field.value = newest;
}, true);

// ───────── one request

function attempt(url, { method = "GET", headers, body, ...options } = {}) {
  const all = new Headers(headers);
  all.set("HX-Request", "true");
  if (person) all.set("Studio-Person", person);
  if (!SAFE.has(method)) {
    all.set("X-CSRFToken", token());
    if (body?.has?.("csrfmiddlewaretoken")) body.set("csrfmiddlewaretoken", token());
  }
  return fetch(url, { ...options, method, headers: all, body });
}

function attemptUpload(url, data, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch tells no progress of what is sent
    request.open("POST", url);
    const headers = { "HX-Request": "true", "Studio-Person": person, "X-CSRFToken": token() };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (e) => { if (e.lengthComputable) onProgress(e.loaded / e.total); });
    request.addEventListener("loadend", () => {
      if (!request.status) { reject(new TypeError("No answer")); return; }
      const said = request.getResponseHeader(STATE);
      resolve(new Response(request.responseText || null, { status: request.status, headers: said ? { [STATE]: said } : {} }));
    });
    request.send(data);
  });
}

const isRefused = (answer) => answer.status === 401 || (answer.status === 403 && answer.headers.get(STATE) === "stale");

export function send(url, options = {}, kind = "press", paused = null) {
  return persist(() => attempt(url, options), { kind, signal: options.signal, paused });
}
export const upload = (url, data, onProgress) => persist(() => attemptUpload(url, data, onProgress), { kind: "press" });

async function persist(ask, { kind, signal, paused }) {
  if (!isIn() && kind === "never") return new Response(null, { status: 401 });
  if (!isIn() && kind === "quiet") await comeBack({ signal, paused });
  const answer = await ask();
  if (!isRefused(answer)) {
    if (!isIn()) check(); // signed in in another tab
    return answer;
  }
  const found = await check(); // it may be a token alone that is old
  if (found === "in") return ask();
  if (found === "away" || kind === "never") return answer;
  return (await comeBack({ press: kind === "press", signal, paused })) ? ask() : answer;
}

// ───────── who is signed in

// "in" the page's person, "out" nobody, "other" somebody else, "away" without an answer.
export function check() {
  checking ??= look().finally(() => { checking = null; });
  return checking;
}
async function look() {
  const answer = await fetch(address, { headers: { "HX-Request": "true" }, cache: "no-store" }).catch(() => null);
  const found = answer?.ok ? await answer.json().catch(() => null) : null;
  if (!found) return "away";
  if (!person || found.person === person) {
    renew(found.token);
    back();
    return "in";
  }
  newest = found.token; // for the sign-in
  const before = state;
  state = found.person ? "other" : "out";
  if (state === "other") giveUp();
  if (state !== before) tell(`session:${state}`, found);
  return state;
}

function back() {
  if (state === "in") return;
  state = "in";
  for (const one of waiting) one.go(true);
  waiting.clear();
  tell("session:back");
}

// Whoever pressed something gets the refusal; polls go on waiting.
export function giveUp() {
  for (const one of waiting) if (one.press) { one.go(false); waiting.delete(one); }
}

function comeBack({ press = false, signal, paused }) {
  if (press && state === "other") return Promise.resolve(false);
  if (press) tell("session:out", { press });
  const resumed = paused?.();
  return new Promise((resolve, reject) => {
    const one = { press, go: (well) => { resumed?.(); resolve(well); } };
    waiting.add(one);
    signal?.addEventListener("abort", () => { waiting.delete(one); reject(signal.reason); }, { once: true });
  });
}

// For whoever is about to leave the page with what was typed: "in" once the page's person is signed in, else why not.
export async function present() {
  const found = await check();
  return found === "out" && (await comeBack({ press: true })) ? "in" : found;
}

export async function signIn(url, fields) {
  if (["in", "other"].includes(await check())) return null; // in another tab
  const headers = { "X-Requested-With": "XMLHttpRequest" }; // which allauth answers with JSON
  return attempt(url, { method: "POST", headers, body: new URLSearchParams({ ...fields, csrfmiddlewaretoken: token() }) });
}

// ───────── htmx asks here too. While it waits for a sign-in its own timeout rests.

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const kind = PRESSES.has(ctx.sourceEvent?.type) ? "press" : "quiet";
  const paused = () => {
    clearTimeout(ctx.requestTimeout);
    return () => { ctx.requestTimeout = setTimeout(() => ctx.request.abort("timeout"), AGAIN); };
  };
  ctx.fetch = (url, options) => send(url, options, kind, paused);
});
