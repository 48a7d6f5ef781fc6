// Search over every published subject, in the page: the names typed are compared on the reader's device.
// The parts of the index are fetched once, after the first focus or when the address has a query.

const PAGE_SIZE = 20;
const SLICE = 20_000; // rows scanned before the page may answer to the reader again
const NAME = 0, CODE = 1, HREF = 2, REGION = 3, COUNT = 4, FORMER = 5, REG_NO = 6, LATEST = 7;

const place = document.getElementById("search");
const form = place.querySelector("form");
const input = form.elements.q;
const status = document.getElementById("search-status");
const hint = document.getElementById("search-hint");
const list = document.getElementById("search-results");
const pager = document.getElementById("search-pages");

// Folding -----------------------------------------------------------------------------------------

const PLAIN = /^[\u4e00-\u9fff0-9A-Z()]*$/;
const OPENING = /[\[{〔【〈《「『﹝]/g;
const CLOSING = /[\]}〕】〉》」』﹞]/g;
const DROPPED = /[\s"'“”‘’·•・\u200b-\u200f\ufeff]/g;

const foldCharacter = (character) =>
  character.normalize("NFKC").toUpperCase().replace(OPENING, "(").replace(CLOSING, ")").replace(DROPPED, "");

function fold(text) {
  if (PLAIN.test(text)) return text;
  let folded = "";
  for (const character of text) folded += foldCharacter(character);
  return folded;
}

/** Ranges of `text` (code units) whose folded form is `word`; the first one only. */
function findRange(text, word) {
  let folded = "";
  const starts = [];
  const ends = [];
  let at = 0;
  for (const character of text) {
    for (const unit of foldCharacter(character)) {
      folded += unit;
      for (let i = 0; i < unit.length; i += 1) {
        starts.push(at);
        ends.push(at + character.length);
      }
    }
    at += character.length;
  }
  const found = folded.indexOf(word);
  return found < 0 ? null : [starts[found], ends[found + word.length - 1]];
}

// Codes (GB 32100-2015) ---------------------------------------------------------------------------

const ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY";

function checkDigit(code) {
  let sum = 0;
  let weight = 1;
  for (const character of code.slice(0, 17)) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) return null;
    sum += value * weight;
    weight = (weight * 3) % 31;
  }
  return ALPHABET[(31 - (sum % 31)) % 31];
}

// The query ---------------------------------------------------------------------------------------

function readQuery(text) {
  const words = text.normalize("NFKC").split(/\s+/).map(fold).filter(Boolean);
  const joined = words.join("");
  const code = /^[0-9A-Z]{4,18}$/.test(joined) ? joined : null;
  const longest = Math.max(0, ...words.map((word) => [...word].length));
  return { text: text.trim(), words, code, tooShort: words.length > 0 && longest < 2 };
}

const startsCode = (row, prefix) =>
  (row[CODE] !== null && row[CODE].startsWith(prefix)) || (row[REG_NO] !== null && row[REG_NO].startsWith(prefix));

/** 0 the very one, 1 begins with it, 2 contains it, 3 by a former name only, null no match. */
function rank(row, folded, query) {
  if (query.code !== null && startsCode(row, query.code)) return row[CODE] === query.code ? 0 : 1;
  const hasAll = (name) =>
    query.words.every(
      (word) => name.includes(word) || (word.length >= 4 && /^[0-9A-Z]+$/.test(word) && startsCode(row, word)),
    );
  if (hasAll(folded)) {
    const first = query.words[0];
    if (folded === first) return 0;
    return folded.startsWith(first) ? 1 : 2;
  }
  return row[FORMER].length > 0 && row[FORMER].some((name) => hasAll(fold(name))) ? 3 : null;
}

// The index ---------------------------------------------------------------------------------------

let loading = null;
const index = { rows: [], folded: [], complete: false };

async function getJson(address) {
  const answer = await fetch(address, { credentials: "omit" });
  if (!answer.ok) throw new Error(`${answer.status} ${address}`);
  return answer.json();
}

async function loadParts() {
  const address = new URL(place.dataset.manifest, location.href);
  const manifest = await getJson(address);
  const parts = new Array(manifest.parts.length).fill(null);
  let next = 0;
  let done = 0;
  const worker = async () => {
    while (next < parts.length) {
      const mine = next;
      next += 1;
      try {
        parts[mine] = await getJson(new URL(manifest.parts[mine].href, address));
      } catch {
        parts[mine] = null; // counted below: the total is then 至少
      }
      done += 1;
      if (parts.length > 4 && input.value.trim() !== "") say(`正在载入查询数据（${done}/${parts.length}）…`);
    }
  };
  await Promise.all(Array.from({ length: 6 }, worker));
  if (parts.length > 0 && parts.every((part) => part === null)) throw new Error("no part could be read");
  index.complete = parts.every((part) => part !== null);
  index.rows = parts.filter(Boolean).flat();
  index.folded = index.rows.map((row) => fold(row[NAME]));
}

function load() {
  loading ??= loadParts().catch((error) => {
    loading = null; // the next try starts afresh
    throw error;
  });
  return loading;
}

const breathe = () => new Promise((resolve) => setTimeout(resolve));

/** Row numbers in the order to show, or null when a newer query has taken over. */
async function scan(query, isCurrent) {
  const ranks = [[], [], [], []];
  for (let at = 0; at < index.rows.length; at += 1) {
    if (at % SLICE === SLICE - 1) {
      await breathe();
      if (!isCurrent()) return null;
    }
    const found = rank(index.rows[at], index.folded[at], query);
    if (found !== null) ranks[found].push(at);
  }
  return ranks.flat();
}

// Showing -----------------------------------------------------------------------------------------

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

const say = (...content) => status.replaceChildren(...content);
const clear = () => {
  say();
  hint.replaceChildren();
  list.replaceChildren();
  pager.replaceChildren();
};

function marked(text, words) {
  const ranges = words.map((word) => findRange(text, word)).filter(Boolean).sort((a, b) => a[0] - b[0]);
  const pieces = [];
  let at = 0;
  for (const [start, end] of ranges) {
    if (end <= at) continue;
    const from = Math.max(start, at);
    pieces.push(text.slice(at, from), element("mark", "", text.slice(from, end)));
    at = end;
  }
  pieces.push(text.slice(at));
  return pieces.filter((piece) => piece !== "");
}

function entry(row, query) {
  const link = element("a", "", ...marked(row[NAME], query.words));
  link.href = row[HREF];
  const facts = element("p", "meta");
  const code = row[CODE] ?? row[REG_NO];
  if (code !== null) {
    const wanted = query.code !== null ? [query.code] : query.words;
    facts.append(element("span", "code", ...marked(code, wanted)));
  }
  if (row[REGION]) facts.append(element("span", "", row[REGION]));
  facts.append(element("span", "", `${row[COUNT]} 条公示结果`));
  if (row[LATEST]) facts.append(element("span", "", `最近检查 ${row[LATEST]}`));
  const item = element("li", "", element("h2", "", link), facts);
  const former = row[FORMER].filter((name) => query.words.some((word) => fold(name).includes(word)));
  if (former.length > 0) {
    const line = element("p", "meta", "曾用名：");
    former.forEach((name, i) => line.append(i > 0 ? "、" : "", element("span", "", ...marked(name, query.words))));
    item.append(line);
  }
  return item;
}

function address(text, page) {
  const search = new URLSearchParams();
  if (text) search.set("q", text);
  if (page > 1) search.set("page", String(page));
  const query = search.toString();
  return query ? `?${query}` : location.pathname;
}

function pages(query, page, last) {
  if (last < 2) return;
  const step = (label, number, enabled) => {
    const item = element("li", "");
    if (enabled) {
      const link = element("a", "", label);
      link.href = address(query.text, number);
      link.dataset.page = String(number);
      item.append(link);
    } else {
      item.append(element("span", "disabled", label));
    }
    return item;
  };
  const here = element("li", "here", `第 ${page} 页，共 ${last} 页`);
  pager.append(
    element("ul", "pagination", step("上一页", page - 1, page > 1), here, step("下一页", page + 1, page < last)),
  );
}

function adviseOnCode(query) {
  if (query.code === null || query.code.length !== 18) return;
  const expected = checkDigit(query.code);
  const sentence =
    expected === null
      ? "统一社会信用代码不使用字母 I、O、S、V、Z，请核对输入。"
      : expected === query.code[17]
        ? "这个统一社会信用代码的校验位正确（GB 32100-2015）。"
        : "这个统一社会信用代码的校验位不正确，可能输错了一位，请核对（GB 32100-2015）。";
  hint.append(element("p", "", sentence));
}

function showNothing() {
  hint.append(
    element("p", "", "没有找到符合条件的检查对象。请检查有没有错字，或者少输入几个字再试。"),
    element(
      "p",
      "",
      "没有公示记录，不等于没有问题：可能没有被抽中，也可能检查还没有完成、结果还没有公示，或者公示期已满、依法停止公示。",
    ),
  );
}

function showFailure(isCurrent) {
  clear();
  say("查询数据没有载入成功。");
  const again = element("button", "button", "再试一次");
  again.type = "button";
  again.addEventListener("click", () => isCurrent() && run(readPage()));
  hint.append(element("p", "", "可能是网络中断。您也可以用本页下方的链接按地区、按月份查找。"), again);
}

let turn = 0;

async function run(page) {
  turn += 1;
  const mine = turn;
  const isCurrent = () => mine === turn;
  const query = readQuery(input.value);
  if (query.words.length === 0) {
    clear();
    if (query.text !== "") say("请输入汉字、字母或者数字。");
    return undefined;
  }
  if (query.tooShort) {
    clear();
    say("请再输入一个字：至少要有连续两个字，或者代码的前四位。");
    return undefined;
  }
  if (index.rows.length === 0) say("正在载入查询数据…");
  try {
    await load();
  } catch {
    if (isCurrent()) showFailure(isCurrent);
    return undefined;
  }
  if (!isCurrent()) return undefined;
  const found = await scan(query, isCurrent);
  if (found === null || !isCurrent()) return undefined;

  const last = Math.max(1, Math.ceil(found.length / PAGE_SIZE));
  const shown = Math.min(Math.max(1, page), last);
  clear();
  const total = element("strong", "", `${index.complete ? "" : "至少 "}${found.length}`);
  total.dataset.total = "";
  say("找到 ", total, " 个检查对象", shown > 1 ? `，第 ${shown} 页` : "", index.complete ? "" : "（部分数据没有载入）");
  adviseOnCode(query);
  if (found.length === 0) showNothing();
  const from = (shown - 1) * PAGE_SIZE;
  list.start = from + 1;
  list.append(...found.slice(from, from + PAGE_SIZE).map((at) => entry(index.rows[at], query)));
  pages(query, shown, last);
  return undefined;
}

// Address, events ---------------------------------------------------------------------------------

const readPage = () => Math.max(1, Number.parseInt(new URLSearchParams(location.search).get("page"), 10) || 1);

function fromAddress() {
  clearTimeout(waiting);
  finished = true;
  input.value = new URLSearchParams(location.search).get("q") ?? "";
  return run(readPage());
}

// One step back in the browser's history is one search, not one keystroke: the first keystroke after a
// finished search makes a new entry, the following ones rewrite it.
let finished = true;
let waiting = 0;
input.addEventListener("focus", () => load().catch(() => {}), { once: true });
function typed() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const next = address(input.value.trim(), 1);
    if (finished) history.pushState(null, "", next);
    else history.replaceState(null, "", next);
    finished = false;
    run(1);
  }, 150);
}
input.addEventListener("input", (event) => event.isComposing || typed());
input.addEventListener("compositionend", typed);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(waiting);
  const next = address(input.value.trim(), 1);
  if (next !== location.search) history.pushState(null, "", next);
  finished = true;
  run(1);
});

pager.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-page]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", link.getAttribute("href"));
  finished = true;
  await run(Number(link.dataset.page));
  status.focus();
  status.scrollIntoView({ block: "start" });
});

addEventListener("popstate", fromAddress);
if (location.search) fromAddress();
