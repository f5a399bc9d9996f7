// <time-ago datetime="2026-11-20T14:32:00Z">14:32</time-ago>: "5 min ago", one timer for all. Without scripts the text inside stays.
const STEPS = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [604800, "day", 86400]];
const words = new Intl.RelativeTimeFormat(document.documentElement.lang || "en", { numeric: "auto", style: "short" });
const date = new Intl.DateTimeFormat(document.documentElement.lang || "en", { dateStyle: "medium" });
const full = new Intl.DateTimeFormat(document.documentElement.lang || "en", { dateStyle: "full", timeStyle: "short" });
const shown = new Set();

function say(then, now) {
  const seconds = (then - now) / 1000;
  if (Math.abs(seconds) < 10) return "now";
  const step = STEPS.find(([below]) => Math.abs(seconds) < below);
  return step ? words.format(Math.trunc(seconds / step[2]), step[1]) : date.format(then);
}

customElements.define("time-ago", class extends HTMLElement {
  static observedAttributes = ["datetime"];
  connectedCallback() { shown.add(this); this.refresh(); }
  disconnectedCallback() { shown.delete(this); }
  attributeChangedCallback() { this.refresh(); }
  refresh() {
    const then = new Date(this.getAttribute("datetime"));
    if (Number.isNaN(then.getTime())) return;
    this.title = full.format(then);
    this.textContent = say(then, Date.now());
  }
});

setInterval(() => { if (!document.hidden) shown.forEach((element) => element.refresh()); }, 20_000);
