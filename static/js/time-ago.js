// <time-ago datetime="2026-11-20T14:32:00Z">14:32</time-ago>: "5 min ago", one timer for all. Without scripts the text inside stays.
// It writes into a shadow root, so that a morph, which compares the text inside with the server's, has nothing to put back.
const STEPS = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [604800, "day", 86400]];
const language = document.documentElement.lang || "en";
const words = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const date = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" });
const shown = new Set();

function say(then, now) {
  const seconds = (then - now) / 1000;
  if (Math.abs(seconds) < 10) return "now";
  const step = STEPS.find(([below]) => Math.abs(seconds) < below);
  return step ? words.format(Math.trunc(seconds / step[2]), step[1]) : date.format(then);
}

customElements.define("time-ago", class extends HTMLElement {
  static observedAttributes = ["datetime"];
  #time = document.createElement("time");
  connectedCallback() {
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).append(this.#time);
    shown.add(this);
    this.refresh();
  }
  disconnectedCallback() { shown.delete(this); }
  attributeChangedCallback() { if (this.isConnected) this.refresh(); }
  refresh() {
    const then = new Date(this.getAttribute("datetime"));
    if (Number.isNaN(then.getTime())) { this.#time.replaceChildren(document.createElement("slot")); return; }
    this.#time.dateTime = then.toISOString();
    this.#time.title = full.format(then);
    this.#time.textContent = say(then, Date.now());
  }
});

setInterval(() => { if (!document.hidden) shown.forEach((element) => element.refresh()); }, 20_000);
