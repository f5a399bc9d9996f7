// The one way for scripts to keep something in this browser. What a person writes has that person's name, so another one who signs in here finds none of
// it: the sign-in page and each page of theirs delete it first. Signing out deletes everything (studio/accounts/sign_out.py does the same without scripts).
//   read(name), write(name, text or null)       of this page's person, or of guests
//   chosen(name), choose(name, word or null)    a choice about this browser, which stays after signing out (theme.js keeps one of its own)
//   signal(text), on the other side onSignal    to other tabs, whoever is signed in there
const person = document.getElementById("sign-in")?.dataset.person || "";
const GUEST = "guest:", MINE = person ? `person:${person}:` : GUEST;
const SIGNS_IN = 'form[action$="/accounts/login/"]';
const SIGNS_OUT = 'form[action$="/accounts/logout/"]';
let isOver = false; // signing out: a page that is left may not write any more

function attempt(act) {
  try { return act(); } catch { return null; } // storage is off: nothing is kept
}

export const read = (name) => attempt(() => localStorage.getItem(MINE + name));
export const readData = (name) => attempt(() => JSON.parse(localStorage.getItem(MINE + name)));
export function write(name, text) {
  if (isOver) return;
  attempt(() => (text === null ? localStorage.removeItem(MINE + name) : localStorage.setItem(MINE + name, text)));
}

const cookieName = (name) => `${location.protocol === "https:" ? "__Host-" : ""}${name}`;
export const chosen = (name) => document.cookie.split("; ").find((pair) => pair.startsWith(`${cookieName(name)}=`))?.split("=")[1] ?? null;
export function choose(name, word) {
  const https = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${cookieName(name)}=${word ?? ""}; path=/; max-age=${word === null ? 0 : 31_536_000}; samesite=lax${https}`;
}

const tabs = "BroadcastChannel" in window ? new BroadcastChannel("session") : null;
export const signal = (text) => tabs?.postMessage(text);
export const onSignal = (hear) => tabs?.addEventListener("message", (e) => hear(e.data));

const forget = (isTheirs) => attempt(() => Object.keys(localStorage).filter(isTheirs).forEach((key) => localStorage.removeItem(key)));
const isSignInPage = document.querySelector(SIGNS_IN) !== null; // nobody is signed in, and the page before may have written as it was left
if (person || isSignInPage) forget((key) => !key.startsWith(MINE) && !key.startsWith(GUEST));
document.addEventListener("submit", (e) => {
  if (!e.target.matches?.(SIGNS_OUT)) return;
  isOver = true;
  forget(() => true);
  attempt(() => sessionStorage.clear());
});
addEventListener("pageshow", () => { isOver = false; }); // the browser came back to this page
