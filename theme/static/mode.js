// Runs before the first paint, so that a remembered choice of colours or type size never flashes.
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    if (localStorage.getItem("reading") === "large") root.dataset.reading = "large";
  } catch {
    // Storage may be refused; the page then follows the system.
  }
})();
