// Comments at a time, live. One poll a page: it fires `comments` on the body, #comments-poll asks with its change tag, and the thread is morphed in; neither
// the video nor what is being written is touched.
//   every 4 s, ±15 %, and every 15 s when nobody has moved for two minutes; never while hidden; at once when shown again or back online; on trouble twice as
//   long each time, up to 40 s
//   lead(id)   to a comment, which is scrolled to, focused and made to stand out
import { pause, seek } from "app/player";
import { send } from "app/request";
import { announce, pin } from "app/toast";

const EVERY = 4000, CALM = 15_000, QUIET_AFTER = 120_000, SLOWEST = 40_000; // ms
const root = document.getElementById("comments");
const thread = () => document.getElementById("thread");

// ───────── what is new

let timer, failures = 0, asking = false, moved = Date.now();

function plan() {
  clearTimeout(timer);
  const usual = Date.now() - moved > QUIET_AFTER ? CALM : EVERY;
  if (!document.hidden) timer = setTimeout(ask, Math.min(SLOWEST, usual * 2 ** failures) * (0.85 + Math.random() * 0.3));
}

function ask() {
  clearTimeout(timer);
  if (document.hidden || asking) return;
  asking = true;
  document.body.dispatchEvent(new CustomEvent("comments"));
}

document.addEventListener("htmx:finally:request", (e) => {
  if (e.detail.ctx.sourceElement?.id !== "comments-poll") return;
  asking = false;
  const { response } = e.detail.ctx;
  const over = root.hasAttribute("data-guest") && [404, 410].includes(response?.status) && !document.getElementById("say-text")?.value;
  if (over) { location.reload(); return; } // a guest's link is over, which its page then says; what is being written stays
  if (response?.status === 403) pin("shut", "You can no longer open this project. What you typed stays here until you leave.", [["Leave", "/"]]);
  const gone = [404, 410].includes(response?.status); // thrown away by somebody, perhaps on this very page, and perhaps taken back: what is being written stays
  const line = document.getElementById("comments-gone");
  if (gone && line.hidden) announce(line.textContent.trim());
  line.hidden = !gone;
  failures = response && (response.status === 304 || response.raw.ok) ? 0 : failures + 1;
  plan();
});
document.addEventListener("visibilitychange", () => { if (document.hidden) clearTimeout(timer); else ask(); });
addEventListener("online", ask);
addEventListener("pageshow", (e) => { if (e.persisted) { asking = false; ask(); } });
for (const sign of ["pointermove", "keydown"]) document.addEventListener(sign, () => { moved = Date.now(); }, { passive: true });

// What others say meanwhile is told to those who cannot see it. The focus stays on its comment, or goes to the heading when that left.
let known = new Set(), held = null;
const ids = () => new Set([...thread().querySelectorAll(".cmt")].map((one) => one.id));
document.addEventListener("htmx:before:swap", () => { held = document.activeElement?.closest?.("#thread .cmt")?.id ?? null; });
document.addEventListener("htmx:after:swap", () => {
  for (const one of thread().querySelectorAll(".cmt:not([data-own])")) {
    if (!known.has(one.id)) announce(`New comment: ${one.getAttribute("aria-label")}`);
  }
  known = ids();
  dress();
  document.getElementById(led)?.setAttribute("data-led", ""); // the server's copy does not know
  if (held && (document.activeElement === document.body || !document.activeElement)) {
    const back = document.getElementById(held);
    (back?.checkVisibility() ? back : document.getElementById("comments-h")).focus({ preventScroll: true });
  }
  held = null;
  see();
});

// ───────── resolved ones

let showing = false;
function dress() {
  const button = root.querySelector("[data-resolved-switch]");
  root.toggleAttribute("data-hides-resolved", !showing);
  if (!button) return;
  button.hidden = false;
  button.setAttribute("aria-pressed", String(showing));
}
root.addEventListener("click", (e) => {
  if (!e.target.closest("[data-resolved-switch]")) return;
  showing = !showing;
  dress();
});

// ───────── to a comment, and to its time

let led = "";
export function lead(id, { scroll = true } = {}) {
  const comment = document.getElementById(id);
  if (!comment?.matches(".cmt")) return null;
  led = id;
  if (comment.closest("[data-done]") && !showing) { showing = true; dress(); }
  thread().querySelectorAll("[data-led]").forEach((one) => one.removeAttribute("data-led"));
  comment.setAttribute("data-led", "");
  if (scroll) comment.scrollIntoView({ block: "nearest" });
  comment.focus({ preventScroll: true });
  return comment;
}

document.addEventListener("click", (e) => {
  const mark = e.target.closest?.(".mark");
  if (mark) { lead(`comment-${mark.dataset.comment}`); return; } // player.js goes to its time
  const comment = e.target.closest?.("#thread .cmt");
  if (!comment || (e.target.closest("a, button, form, input") && !e.target.closest(".tcode")) || String(getSelection())) return;
  e.preventDefault(); // a place in the address would be one more step back
  const timed = comment.closest("[data-seek]") ?? comment.parentElement.closest("[data-seek]");
  if (timed) { pause(); seek(Number(timed.dataset.seek) / 1000); }
  lead(comment.id, { scroll: false });
});

function arrive() {
  const comment = location.hash.startsWith("#comment-") && lead(location.hash.slice(1));
  const timed = comment && comment.closest("[data-seek]");
  const video = document.getElementById("video");
  if (!timed) return;
  if (video.readyState) seek(Number(timed.dataset.seek) / 1000);
  else video.addEventListener("loadedmetadata", () => seek(Number(timed.dataset.seek) / 1000), { once: true });
}

// Whoever is named here has seen it now: once, when the page is looked at.
const seen = new Set();
function see() {
  const { unseen, seen: address } = thread().dataset;
  const fresh = [...thread().querySelectorAll("[data-new]")].filter((one) => !seen.has(one.id));
  if (!address || !fresh.length || document.hidden) return;
  fresh.forEach((one) => seen.add(one.id));
  const again = () => fresh.forEach((one) => seen.delete(one.id));
  send(address, { method: "POST", body: new URLSearchParams({ clip: unseen }) }, "never").then((answer) => { if (!answer.ok) again(); }, again);
}
document.addEventListener("visibilitychange", see);

known = ids();
dress();
arrive();
see();
plan();
