// [data-copy="text"], or [data-copy="#id"] for the text or value of another element. Says so in a toast.
import { toast } from "app/toast";

function textOf(button) {
  const wanted = button.dataset.copy;
  const other = /^#[\w-]+$/.test(wanted) ? document.getElementById(wanted.slice(1)) : null;
  return other ? (other.value ?? other.textContent.trim()) : wanted;
}

document.addEventListener("click", async (e) => {
  const button = e.target.closest?.("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(textOf(button));
    toast(button.dataset.copied || "Copied");
  } catch { // plain http on another machine has no clipboard: select it, so that the keyboard can copy
    const other = document.getElementById(button.dataset.copy.slice(1));
    if (other?.select) other.select();
    toast("Could not copy. Select the text and press Ctrl C.", { tone: "warning" });
  }
});
