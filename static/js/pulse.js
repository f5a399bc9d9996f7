// Keeps the board true. One poll a page: it fires `pulse` on the body, #pulse asks with its change tag, the answer holds what changed.
//   every second while a card is close to a change, every 2 s while one is in flight, every 20 s otherwise; ±15 %, so that tabs do not fall into step
//   never while hidden; at once when shown again, back online, or after something was ordered; on trouble twice as long each time, up to 30 s
import { announce } from "app/toast";

const NEAR = 1000, LIVE = 2000, IDLE = 20_000, SLOWEST = 30_000;
const IN_FLIGHT = '.card:is([data-state="queued"], [data-state="sending"], [data-state="rendering"], [data-state="saving"])';
const ALMOST = 0.95; // as in cards.py
const pulse = document.getElementById("pulse");
const board = document.getElementById("board");
let timer, failures = 0, asking = false, answered = Date.now();

function pause() {
  if (failures) return Math.min(SLOWEST, LIVE * 2 ** failures);
  if (board.querySelector(".card[data-near]")) return NEAR;
  return board.querySelector(IN_FLIGHT) ? LIVE : IDLE;
}

function plan(delay = pause()) {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(ask, delay * (0.85 + Math.random() * 0.3));
}

function ask() {
  clearTimeout(timer);
  if (document.hidden || asking) return;
  asking = true;
  document.body.dispatchEvent(new CustomEvent("pulse"));
}

function behind() {
  const line = document.getElementById("behind");
  line.hidden = failures < 2;
  document.getElementById("behind-s").textContent = Math.round((Date.now() - answered) / 1000);
  const live = document.getElementById("live");
  if (live) live.hidden = !line.hidden;
}

pulse.addEventListener("htmx:finally:request", (e) => {
  const { response } = e.detail.ctx;
  asking = false;
  if (response?.raw.redirected || [401, 403, 404].includes(response?.status)) { location.reload(); return; } // signed out, or no longer a member
  const well = response && (response.status === 304 || response.raw.ok);
  failures = well ? 0 : failures + 1;
  if (well) answered = Date.now();
  behind();
  plan();
});

document.addEventListener("visibilitychange", () => { if (document.hidden) clearTimeout(timer); else ask(); });
addEventListener("online", ask);
addEventListener("pageshow", (e) => { if (e.persisted) { asking = false; ask(); } });

// Something was ordered or cancelled here: its card is near a change.
document.addEventListener("htmx:finally:request", (e) => { if (e.detail.ctx.request.method === "POST") plan(NEAR / 2); });

// A card that is here already does not come twice: the answer to an order brings it, and so may a poll that was under way.
document.addEventListener("htmx:before:swap", (e) => {
  for (const task of e.detail.tasks) {
    if (task.type === "partial") {
      for (const card of task.fragment.querySelectorAll("article.card")) if (document.getElementById(card.id)) card.remove();
    } else if (task.type === "oob") {
      tell(task.target, task.fragment.querySelector("article.card"));
    }
  }
});

const ENDS = { done: "is ready", failed: "failed", in_doubt: "is in doubt", cancelled: "is cancelled" };
function tell(before, after) {
  const state = after?.dataset.state;
  if (before?.dataset.state && state !== before.dataset.state && ENDS[state]) announce(`${after.dataset.code} ${ENDS[state]}`);
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
}
setInterval(() => { if (!document.hidden) tick(); }, 1000);

plan(NEAR / 2); // a page that came out of a cache is old
