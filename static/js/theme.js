// Dark, light, or as the system says. A plain script in the head, so that the choice holds before the first paint.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: light)");
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const apply = (theme) => {
    if (theme === "dark" || theme === "light") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  const shown = () => root.dataset.theme ?? (system.matches ? "light" : "dark");

  apply(stored());
  root.toggleAttribute("data-mac", /Mac|iP/.test(navigator.platform)); // for the name of the key beside a letter
  addEventListener("storage", (e) => { if (e.key === "theme") apply(e.newValue); });
  document.addEventListener("click", (e) => {
    if (!e.target.closest?.("[data-theme-toggle]")) return;
    const next = shown() === "light" ? "dark" : "light";
    const follows = next === (system.matches ? "light" : "dark"); // back to what the system says: follow it again
    apply(follows ? null : next);
    try {
      if (follows) localStorage.removeItem("theme");
      else localStorage.setItem("theme", next);
    } catch { /* storage is off: the choice lasts for this page */ }
  });
})();
