// Enhancements only: every page reads and works without this file.
const root = document.documentElement;

function remember(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Storage may be refused; the switch then lasts for this page only.
  }
}

// Colour and type-size switches -------------------------------------------------------------------

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);
const isLarge = () => root.dataset.reading === "large";

function bindSwitch(name, isOn, toggle) {
  const button = document.querySelector(`[data-switch="${name}"]`);
  if (!button) return () => {};
  const show = () => button.setAttribute("aria-pressed", String(isOn()));
  button.hidden = false;
  button.addEventListener("click", () => {
    toggle();
    show();
  });
  show();
  return show;
}

const showTheme = bindSwitch("theme", isDark, () => {
  const next = isDark() ? "light" : "dark";
  // Choosing what the system already says goes back to following the system.
  if ((next === "dark") === systemDark.matches) {
    delete root.dataset.theme;
    remember("theme", null);
  } else {
    root.dataset.theme = next;
    remember("theme", next);
  }
});
systemDark.addEventListener("change", showTheme);

bindSwitch("reading", isLarge, () => {
  if (isLarge()) {
    delete root.dataset.reading;
    remember("reading", null);
  } else {
    root.dataset.reading = "large";
    remember("reading", "large");
  }
});

// Copy buttons ------------------------------------------------------------------------------------

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break; // only offered in a secure context
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    let said = "已复制";
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      said = "未能复制";
    }
    button.textContent = said;
    announce(said);
    setTimeout(() => (button.textContent = label), 2000);
  });
}

function announce(sentence) {
  const region = document.getElementById("announcement");
  if (region) region.textContent = sentence;
}

// Sortable tables ---------------------------------------------------------------------------------
// A cell's value is its data-sort, else its text; numbers before words, empty cells last either way.

const collator = new Intl.Collator("zh-Hans", { numeric: true });

function cellValue(row, column) {
  const cell = row.cells[column];
  const text = (cell?.dataset.sort ?? cell?.textContent ?? "").trim();
  if (text === "" || text === "—") return null;
  const number = Number(text.replace(/[,%]/g, ""));
  return Number.isNaN(number) ? text : number;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "number") return -1;
  if (typeof b === "number") return 1;
  return collator.compare(a, b);
}

function sortBy(table, column, direction) {
  const body = table.tBodies[0];
  const keyed = [...body.rows].map((row) => ({ row, value: cellValue(row, column) }));
  keyed.sort((a, b) => {
    if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
    return compare(a.value, b.value) * direction;
  });
  body.append(...keyed.map(({ row }) => row));
}

for (const table of document.querySelectorAll("table[data-sortable]")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    if (heading.hasAttribute("data-unsortable")) return;
    const name = heading.textContent.trim();
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const rising = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
      sortBy(table, column, rising ? 1 : -1);
      announce(`已按“${name}”${rising ? "从小到大" : "从大到小"}排列`);
    });
  });
}
