// Where one writes a comment: at the time that the player shows, in answer to a comment, or to change one's own; one form for all three, outside what is morphed.
// What is written stays in this browser until the server has it, with the key under which it was sent, so sending twice says it once.
import { lead } from "app/comments";
import "app/naming";
import { now, pause, told } from "app/player";
import { readData, write } from "app/storage";

const form = document.getElementById("say"); // none for those who only look
const text = document.getElementById("say-text");
const about = document.getElementById("say-about");
const part = (name) => form.querySelector(`[data-say-${name}]`);
const field = (name) => form.elements[name];
const isEdit = () => field("do").value === "edit";
const isTimeless = () => isEdit() || field("reply_to").value !== "";

// ───────── what it will be

// The time is the one at which the first letter was typed.
function stamp() {
  const at = String(Math.round(now() * 1000));
  field("at").value = !isTimeless() && part("at").checked ? at : "";
  part("time").textContent = told(Number(at) / 1000);
}

function show() {
  form.querySelector(".say__at").hidden = isTimeless();
  about.hidden = !isTimeless();
  about.firstElementChild.textContent = isEdit() ? "Changing your comment" : `Answering ${form.dataset.answers ?? ""}`;
  part("send").textContent = isEdit() ? "Save" : isTimeless() ? "Answer" : "Comment";
  stamp();
}

function be({ edit = "", answer = "", name = "" }) {
  field("do").value = edit ? "edit" : "say";
  field("comment").value = edit;
  field("reply_to").value = answer;
  form.dataset.answers = name;
  show();
}

function anew() {
  text.value = "";
  text.removeAttribute("aria-invalid");
  document.getElementById("say-problem")?.remove();
  be({});
  aside();
}

function begin({ edit, answer, name, text: words = "" }) {
  if (edit || isEdit()) text.value = words;
  be({ edit, answer, name });
  aside();
  text.focus();
}

// ───────── what is not sent yet, across reloads

const place = `comment:${form?.dataset.draft}`;
function aside() {
  const kept = {
    text: text.value, at: field("at").value, timed: part("at").checked, key: field("key").value,
    edit: field("comment").value, answer: field("reply_to").value, name: form.dataset.answers ?? "",
  };
  write(place, text.value.trim() ? JSON.stringify(kept) : null);
}

function restore() {
  const left = readData(place);
  if (!left?.text || text.value) return;
  if (document.getElementById(`comment-${left.key}`)) { anew(); return; } // it had arrived
  const isThere = (id) => id && document.getElementById(`comment-${id}`);
  be({ edit: isThere(left.edit) ? left.edit : "", answer: isThere(left.answer) ? left.answer : "", name: left.name });
  field("key").value = left.key;
  text.value = left.text;
  part("at").checked = left.timed;
  if (isTimeless()) return;
  field("at").value = left.at;
  if (left.at) part("time").textContent = told(Number(left.at) / 1000);
}

// ───────── writing, sending, taken or not

const wrong = () => { // a guest's name comes first
  const name = form.querySelector("[name=name]");
  return name && !name.value.trim() ? name : text;
};
let sent = null; // the words that are under way
function heard(e) {
  if (sent === null || e.detail.ctx.sourceElement !== form) return; // what others said may come in between
  const { said } = document.getElementById("say-state").dataset;
  for (const one of [text, ...form.querySelectorAll("[name=name]")]) one.removeAttribute("aria-invalid");
  if (document.getElementById("say-problem")) wrong().setAttribute("aria-invalid", "true");
  if (said && text.value === sent) {
    anew();
    lead(`comment-${said}`);
  } else aside();
  sent = null;
}

function listen() {
  text.addEventListener("focus", () => { pause(); if (!text.value) stamp(); });
  text.addEventListener("input", (e) => {
    if (text.value.length === 1 && e.inputType?.startsWith("insert")) stamp();
    aside();
  });
  text.addEventListener("keydown", (e) => {
    if (e.key !== "Enter" || !(e.metaKey || e.ctrlKey) || e.isComposing) return;
    e.preventDefault();
    form.requestSubmit();
  });
  document.addEventListener("player:time", () => { if (!text.value) stamp(); });
  part("at").addEventListener("change", () => { stamp(); aside(); });
  document.addEventListener("click", (e) => {
    const button = e.target.closest?.("#thread :is([data-answer], [data-edit])");
    if (button) begin(button.dataset);
    else if (e.target.closest?.("[data-say-anew]")) { anew(); text.focus(); }
  });
  form.addEventListener("htmx:before:request", () => { if (!text.value) stamp(); sent = text.value; });
  document.addEventListener("htmx:after:swap", heard);
  document.addEventListener("htmx:finally:request", (e) => { if (e.detail.ctx.sourceElement === form && !e.detail.ctx.response) sent = null; });
}

if (form) {
  listen();
  show();
  restore();
}
