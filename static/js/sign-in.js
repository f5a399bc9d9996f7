// Signing in on top of the work: the dialog #sign-in, and the line that stays while nobody is signed in. What was refused
// meanwhile goes on by itself. Whoever types is not interrupted: the dialog of a poll waits until the keys rest, and is
// not opened again once it was closed.
import { check, giveUp, isIn, isOut, signIn } from "app/request";
import { onSignal, signal } from "app/storage";
import { announce, pin, sentence, unpin } from "app/toast";

const REST = 2000; // ms since something was last typed
const dialog = document.getElementById("sign-in");
const form = () => dialog.querySelector("form");
let blank = "", keyed = 0, timer, isBusy = false; // the form as it came with the news

for (const typing of ["keydown", "input"]) addEventListener(typing, () => { keyed = Date.now(); }, true); // dictation and swipe typing press no key

function open() {
  clearTimeout(timer);
  if (dialog.open || isIn()) return;
  dialog.replaceChildren(document.createRange().createContextualFragment(blank));
  dialog.setAttribute("aria-labelledby", "sign-in-h");
  dialog.setAttribute("aria-describedby", "sign-in-why");
  unpin("session"); // the dialog says it
  dialog.showModal();
  const { login, password } = form().elements;
  login.value = dialog.dataset.email;
  password.focus();
}
function openLater() {
  clearTimeout(timer);
  const rest = keyed + REST - Date.now();
  if (rest <= 0) open();
  else timer = setTimeout(openLater, rest);
}

function say(words) {
  if (!dialog.open) return;
  const problem = document.getElementById("sign-in-problem");
  problem.hidden = !words;
  problem.querySelector("span").textContent = words;
  const { login, password } = form().elements;
  for (const field of [login, password]) field.setAttribute("aria-invalid", String(Boolean(words)));
  password.select();
}

// Which of them is wrong nobody is told: the sentence is the sign-in page's own.
async function enter() {
  const { login, password } = form().elements;
  const answer = await signIn(form().action, { login: login.value, password: password.value }).catch(() => undefined);
  if (answer === null) return; // somebody is in already, by another tab
  if (answer === undefined) { say("No answer. Check the connection and try again."); return; }
  const said = await answer.json().catch(() => null);
  if (!said?.location) {
    if (answer.status === 429) say("Too many tries. Wait a few minutes and try again.");
    else say(wordsOf(said?.form) || (answer.ok ? "The studio could not sign you in. Try again in a moment." : sentence(answer)));
    return;
  }
  if ((await check()) === "out") say("This account is switched off. Ask an admin to switch it on.");
}
const wordsOf = (given) => given && [...given.errors, ...Object.values(given.fields).flatMap((field) => field.errors)].join(" ");

dialog?.addEventListener("submit", async (e) => {
  e.preventDefault();
  e.stopPropagation();
  if (isBusy) return;
  isBusy = true;
  dialog.toggleAttribute("data-busy", true);
  try { await enter(); } finally {
    isBusy = false;
    dialog.toggleAttribute("data-busy", false);
  }
});

// Closed without a sign-in: what was pressed is refused, what was typed stays.
dialog?.addEventListener("close", () => {
  dialog.replaceChildren();
  if (isOut()) line();
  giveUp();
});
const line = () => pin("session", "You are signed out. What you typed is still here.", [["Sign in", open]]);

document.addEventListener("session:out", (e) => {
  blank = e.detail.form ?? blank;
  if (!dialog.open) line();
  if (e.detail.press) open(); else openLater();
});
document.addEventListener("session:other", (e) => {
  clearTimeout(timer);
  dialog.close();
  const who = `${e.detail.name} has signed in in this browser. This page belongs to ${dialog.dataset.name}`;
  const words = `${who}: nothing is sent from it, and what you typed is still here.`;
  pin("session", words, [["Load the page again", () => location.reload()]]);
});
document.addEventListener("session:back", () => {
  clearTimeout(timer);
  unpin("session");
  dialog.close();
  announce("You are signed in again.");
  tellOthers();
});

// Signed in in another tab: that one tells, and where it cannot, this one hears of it when it is looked at.
const tellOthers = () => signal(`${dialog.dataset.person} ${Date.now()}`);
onSignal((text) => { if (dialog && (!isIn() || text.split(" ")[0] !== dialog.dataset.person)) check(); });
if (dialog) tellOthers();
for (const sign of ["visibilitychange", "focus", "online"]) {
  addEventListener(sign, () => { if (!isIn() && !document.hidden) check(); });
}
