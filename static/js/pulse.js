// Keeps the board true. One poll a page: it fires `pulse` on the body, #pulse asks with its change tag, the answer holds what changed.
//   as soon as there is something: the server holds one answer back until there are news (bell.py), and #pulse asks then. What no news tell of, as places
//   in a line that is shared with other projects, is asked for now and then
//   where nothing is held back: every second while a card is close to a change, every 2 s while one is in line or tells how far it is, every 4 s while all
//   are far from their end or something came in the last two minutes, as an order is seldom alone, every 20 s otherwise; ±15 %, so that tabs do not fall into step
//   never while hidden, or every 30 s if somebody wants to be notified and a card is in flight; at once when shown again, awake again, back online, or after something was ordered; on trouble twice as long each time, up to 15 s
import { listen, hears, stop } from "app/news";
import { isOn, tell as notify } from "app/notify";
import { send } from "app/request";
import { announce, pin, unpin } from "app/toast";

const NEAR = 1000, LIVE = 2000, FAR = 4000, LINE = 8000, IDLE = 20_000, HEARD = 30_000, SLOWEST = 15_000, BEHIND = 30_000, LIVELY = 120_000;
const REST = 400, LONGEST_REST = 5000; // ms from one answer to the next question, however much happens: twice as long as the last answer took
const ASLEEP = 10_000, LOST = 20_000; // ms: a clock that stood still for so long slept; an answer that took so long never comes
const MOVING = '.card:is([data-live], [data-state="queued"]:not(:has([data-waits])), [data-state="rendering"]:not(:has([data-unreported])))';
const IN_FLIGHT = '.card:is([data-live], [data-state="queued"], [data-state="sending"], [data-state="rendering"], [data-state="saving"])';
const IN_LINE = '.card[data-state="queued"]';
const ALMOST = 0.95; // as in cards.py
const pulse = document.getElementById("pulse");
const board = document.getElementById("board");
let tag = pulse.getAttribute("hx-ptag"); // the last one, for what was looked at
let timer, failures = 0, asking = false, asked = 0, answered = Date.now(), ticked = Date.now(), news = 0, took = 0;

function pause() {
  if (failures) return Math.min(SLOWEST, LIVE * 2 ** failures);
  if (hears()) return board.querySelector(IN_LINE) ? LINE : HEARD;
  if (board.querySelector(".card[data-near]")) return NEAR;
  if (board.querySelector(MOVING)) return LIVE;
  return board.querySelector(IN_FLIGHT) || Date.now() - news < LIVELY ? FAR : IDLE;
}

const isAway = () => document.hidden && !(isOn() && board.querySelector(IN_FLIGHT));
function plan(delay = document.hidden ? BEHIND : pause()) {
  clearTimeout(timer);
  if (!isAway()) timer = setTimeout(ask, delay * (0.85 + Math.random() * 0.3));
}

function told(what) {
  if (what === "news") plan(Math.max(0, answered + Math.min(LONGEST_REST, Math.max(REST, 2 * took)) - Date.now()));
  else plan();
}

function ask() {
  clearTimeout(timer);
  if (isAway() || asking) return;
  asking = true;
  asked = Date.now();
  document.body.dispatchEvent(new CustomEvent("pulse"));
}

function behind() {
  const line = document.getElementById("behind"), lost = failures > 1 && !isShut;
  if (line.hidden === lost) announce(lost ? "Reconnecting. The board is not up to date." : "The board is up to date again.");
  line.hidden = !lost;
  document.getElementById("behind-s").textContent = Math.round((Date.now() - answered) / 1000);
  const live = document.getElementById("live");
  if (live) live.hidden = failures > 1 || isShut;
}

pulse.addEventListener("htmx:finally:request", (e) => {
  const { request, response } = e.detail.ctx;
  if (request.signal.aborted && request.signal.reason !== "timeout") return; // a later poll took its place, and is awaited
  asking = false;
  if (response) access(![403, 404].includes(response.status));
  const well = response && (response.status === 304 || response.raw.ok);
  failures = well ? 0 : failures + 1;
  if (well) answered = Date.now();
  took = Date.now() - asked;
  if (well && response.status !== 304) news = answered;
  tag = (well && response.headers.get("HX-PTag")) || tag;
  behind();
  if (well && !document.hidden) listen(pulse.dataset.news, tag, told);
  plan();
});

document.addEventListener("visibilitychange", () => { if (document.hidden) { stop(); looked(); plan(); } else ask(); });
addEventListener("pagehide", () => { stop(); looked(); });
for (const turn of ["offline", "online"]) addEventListener(turn, () => { stop(); ask(); });
addEventListener("pageshow", (e) => { if (e.persisted) { asking = false; ask(); } });

// While nobody is signed in nothing is live; the line of sign-in.js says why.
for (const turn of ["session:out", "session:other", "session:back"]) {
  document.addEventListener(turn, () => { const live = document.getElementById("live"); if (live) live.hidden = turn !== "session:back" || failures > 1; });
}

// No longer a member, or the project is gone: what was typed can still be copied, and it may be opened again.
let isShut = false;
function access(well) {
  if (well !== isShut) return;
  isShut = !well;
  const words = "You can no longer open this project. What you typed stays here until you leave: copy it if you need it.";
  if (isShut) pin("shut", words, [["Leave", "/"]]); else unpin("shut");
}

// Whoever leaves has seen what was here: the next time only what ended later is marked as new.
function looked() {
  send(pulse.dataset.looked, { method: "POST", keepalive: true, body: new URLSearchParams({ tag }) }, "never").catch(() => {});
}

// Something was ordered or cancelled here: its card is near a change.
document.addEventListener("htmx:finally:request", (e) => { if (e.detail.ctx.request.method === "POST") plan(NEAR / 2); });

// What comes is told to those who cannot see it. A card that is here already is morphed and does not come twice: the answer to an order brings it, and so
// may a poll that was under way. One that is to leave stays while somebody is at it.
document.addEventListener("htmx:before:swap", (e) => {
  const { tasks } = e.detail;
  for (const task of [...tasks]) {
    if (task.type === "oob" && task.swapSpec.style === "delete") leave(task, tasks);
    else if (task.type === "oob") tell(task.target, task.fragment.querySelector("article.card"));
    else if (task.type === "partial" && task.target === board) arrive(task, tasks);
  }
});
function arrive(task, tasks) {
  for (const card of task.fragment.querySelectorAll("article.card")) {
    const here = document.getElementById(card.id);
    if (here) tell(here, card);
    if (here && task.swapSpec.style !== "innerMorph") {
      const fragment = document.createDocumentFragment();
      fragment.append(card);
      tasks.push({ ...task, type: "oob", fragment, target: here, swapSpec: { style: "outerMorph", strip: false } });
    } else if (task.swapSpec.style === "afterbegin") come.add(card.id);
  }
}
const isHeld = (card) => card.matches(":hover, :focus-within") || [...card.querySelectorAll("video")].some((video) => !video.paused);
function leave(task, tasks) {
  tell(task.target, task.fragment.firstElementChild);
  if (!isHeld(task.target)) return;
  task.target.dataset.gone = "";
  tasks.splice(tasks.indexOf(task), 1);
}
function clearAway() {
  for (const card of board.querySelectorAll(".card[data-gone]")) if (!isHeld(card)) card.remove();
}

// Newest first, whenever they come: only what just came is moved, so that nothing that plays starts again.
const come = new Set();
const numberOf = (card) => Number(card.dataset.code.split("-").pop());
document.addEventListener("htmx:after:swap", () => {
  for (const id of come) {
    const card = document.getElementById(id);
    const next = card && [...board.children].find((other) => other !== card && numberOf(other) < numberOf(card));
    if (card && card.nextElementSibling !== (next ?? null)) board.insertBefore(card, next ?? null);
  }
  come.clear();
});

const ENDS = { done: "is ready", failed: "failed", in_doubt: "is in doubt", cancelled: "is cancelled" };
function tell(before, after) {
  const state = after?.dataset.state;
  if (before?.dataset.state && state !== before.dataset.state && ENDS[state]) {
    announce(`${after.dataset.code} ${ENDS[state]}`);
    if ("mine" in after.dataset) notify(after.dataset.code, ENDS[state], (after.querySelector(".card__prompt a") ?? before.querySelector(".card__prompt a")).href);
  }
}

// Between polls: words and playheads that go by the clock. What was true when the card came, and how long ago that is, so no clock must be right.
const came = new WeakMap();
function words(seconds) {
  const whole = Math.round(seconds), minutes = Math.floor(whole / 60), rest = whole % 60;
  return minutes ? (rest ? `${minutes} min ${rest} s` : `${minutes} min`) : `${rest} s`;
}
function tick() {
  for (const stage of board.querySelectorAll(".stage[data-elapsed]")) {
    const known = came.get(stage);
    if (known?.elapsed !== stage.dataset.elapsed) came.set(stage, { elapsed: stage.dataset.elapsed, at: performance.now() });
    const elapsed = Number(stage.dataset.elapsed) + (performance.now() - came.get(stage).at) / 1000;
    const usual = Number(stage.dataset.usual), card = stage.closest(".card");
    if (elapsed >= usual * 0.8) card.dataset.near = "";
    if ("worded" in stage.dataset) continue; // the card says something more important
    const unreported = "unreported" in stage.dataset;
    if (unreported) stage.style.setProperty("--p", Math.min(ALMOST, elapsed / Math.max(1, usual)).toFixed(3));
    const left = usual - elapsed >= 1 ? `about ${words(usual - elapsed)} left` : `longer than usual, ${words(elapsed)} so far`;
    const said = unreported ? `usually ${words(usual)}, ${words(elapsed)} so far` : left;
    for (const place of card.querySelectorAll("[data-said]")) place.textContent = said;
  }
  if (failures > 1) behind();
  clearAway();
  watch();
}

// A laptop that slept: ask at once, and do not wait for an answer that was under way when it fell asleep.
function watch() {
  const now = Date.now(), slept = now - ticked > ASLEEP;
  ticked = now;
  if (slept) stop(); // whatever was held back was told to a socket that is gone
  if (asking && now - asked > LOST) asking = false;
  else if (!slept) return;
  ask();
}
setInterval(() => { if (document.hidden) ticked = Date.now(); else tick(); }, 1000);

plan(NEAR / 2); // a page that came out of a cache is old
