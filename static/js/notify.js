// A message of the browser when one of one's own clips ends while the page is in the background. Asked for only when its button is pressed, kept for this
// browser. `isOn` lets the board's poll go on slowly while the page is hidden; without it a hidden page asks nothing.
import { read, write } from "app/storage";

const key = "notify";
const button = document.getElementById("notify");
const able = "Notification" in window && isSecureContext;

const wanted = () => read(key) === "on";
export const isOn = () => able && Notification.permission === "granted" && wanted();

export function tell(code, words, address) {
  if (!isOn() || !document.hidden) return;
  let message;
  try { message = new Notification(`${code} ${words}`, { tag: code, icon: document.querySelector('link[rel="icon"]')?.href }); } catch { return; } // Android has none
  message.addEventListener("click", () => { window.focus(); location.assign(address); message.close(); });
}

function show() {
  if (!button) return;
  button.hidden = !able || Notification.permission === "denied";
  button.setAttribute("aria-pressed", isOn());
  button.textContent = isOn() ? "Notifies you" : "Notify me";
}
button?.addEventListener("click", async () => {
  const on = !isOn() && (await Notification.requestPermission()) === "granted";
  write(key, on ? "on" : null);
  show();
});
show();
