// ZIP files that are being made: whoever asked for one hears on any page that it is ready, and the list of them stays true.
//   [data-bundle] is a form that asks for one, and says where the news are; #bundles[data-pending] is a list in which one is not ready
//   asks every 2.5 s, only while one is being made and the page is seen; other tabs share what is known through the browser's storage
import { send } from "app/request";
import { read, write } from "app/storage";
import { toast } from "app/toast";

const KEY = "bundles:news", EVERY = 2500, SLOWEST = 40_000;
let failures = 0, timer;

const keep = (address) => write(KEY, address);
const where = () => document.getElementById("bundles")?.dataset.pending ?? read(KEY);

function plan() {
  clearTimeout(timer);
  if (where() && !document.hidden) timer = setTimeout(ask, Math.min(SLOWEST, EVERY * 2 ** failures));
}

async function ask() {
  const address = where();
  if (!address) return;
  try {
    const answer = await send(address, {}, "quiet");
    if ([403, 404].includes(answer.status)) { keep(null); return; }
    const news = await answer.json();
    failures = 0;
    keep(news.pending ? address : null);
    news.ready.forEach((one) => tell(one, news));
    if (document.getElementById("bundles-poll")) document.body.dispatchEvent(new CustomEvent("look"));
  } catch { failures += 1; } // offline: less and less often
  if (failures < 8) plan();
}

function tell({ id, title }, { address, told }) {
  const box = toast(`${title}: the ZIP is ready.`, { kind: `bundle-${id}`, told: { post: told, ids: [id] } });
  const link = document.createElement("a");
  link.className = "btn btn--quiet btn--sm";
  link.href = address;
  link.textContent = "Show";
  box.querySelector("span").after(link);
}

document.addEventListener("submit", (e) => {
  if (e.target.dataset?.bundle) keep(e.target.dataset.bundle);
});
document.addEventListener("visibilitychange", plan);
plan();
