// Dark, light, or as the system says. A plain script in the head, so that the choice holds before the first paint. Kept in a cookie of this script's own,
// which stays when signing out deletes what the browser has stored.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: light)");
  const https = location.protocol === "https:", name = https ? "__Host-theme" : "theme";
  const stored = () => document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.split("=")[1] ?? null;
  const keep = (theme) => {
    document.cookie = `${name}=${theme ?? ""}; path=/; max-age=${theme ? 31_536_000 : 0}; samesite=lax${https ? "; secure" : ""}`;
    tabs?.postMessage(theme);
  };
  const tabs = "BroadcastChannel" in window ? new BroadcastChannel("theme") : null;
  const apply = (theme) => {
    if (theme === "dark" || theme === "light") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  const shown = () => root.dataset.theme ?? (system.matches ? "light" : "dark");

  apply(stored());
  root.toggleAttribute("data-mac", /Mac|iP/.test(navigator.platform)); // for the name of the key beside a letter
  tabs?.addEventListener("message", (e) => apply(e.data));
  document.addEventListener("click", (e) => {
    if (!e.target.closest?.("[data-theme-toggle]")) return;
    const next = shown() === "light" ? "dark" : "light";
    const follows = next === (system.matches ? "light" : "dark"); // back to what the system says: follow it again
    apply(follows ? null : next);
    keep(follows ? null : next);
  });
})();
