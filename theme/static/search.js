// The search page: what is typed goes to the engine, what it answers is shown. Data only ever becomes text.

import { Engine } from "./search-engine.js";
import { checkCharacter, findRange, fold } from "./search-fold.js";
import { PAGE_SIZE } from "./search-lines.js";

const place = document.getElementById("search");
const form = place.querySelector("form");
const input = form.elements.q;
const status = document.getElementById("search-status");
const hint = document.getElementById("search-hint");
const list = document.getElementById("search-results");
const pager = document.getElementById("search-pages");
const facets = document.getElementById("search-facets");
const others = document.getElementById("search-others");

// The page says what the index was when it was written: what a first query reads need not wait for the manifest. What
// only a query reads is asked for when there is one.
const { records = "", changes = "" } = place.dataset;
const ahead = `${records} ${location.search ? changes : ""}`.split(" ").filter(Boolean);
const engine = new Engine(place.dataset.manifest, ahead);
const root = place.dataset.root;
const KINDS = { plan: "抽查计划", task: "抽查任务", item: "抽查事项", page: "说明" };
const FACETS = { region: "地区", year: "年度", outcome: "检查结果", authority: "检查机关" };

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

const say = (...content) => status.replaceChildren(...content);
const clear = () => [status, hint, list, pager, facets, others].forEach((one) => one.replaceChildren());

// The address -------------------------------------------------------------------------------------

function readAddress() {
  const search = new URLSearchParams(location.search);
  const filters = Object.fromEntries(Object.keys(FACETS).map((name) => [name, search.get(name) || null]));
  return {
    text: search.get("q") ?? "",
    filters,
    page: Math.max(1, Number.parseInt(search.get("page"), 10) || 1),
  };
}

function writeAddress({ text, filters, page }) {
  const search = new URLSearchParams();
  if (text) search.set("q", text);
  for (const [name, value] of Object.entries(filters)) if (value) search.set(name, value);
  if (page > 1) search.set("page", String(page));
  const query = search.toString();
  return query ? `?${query}` : location.pathname;
}

// One line ----------------------------------------------------------------------------------------

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

const day = (number) => new Date((number - 719163) * 86400000).toISOString().slice(0, 10);

function entry(line, query) {
  const link = element("a", "", ...marked(line.name, query.words));
  link.href = root + line.path;
  const facts = element("p", "meta");
  const code = line.code ?? line.regNo;
  if (code !== null) facts.append(element("span", "code", ...marked(code, query.words)));
  facts.append(element("span", "", engine.regionWords(line.region)));
  facts.append(element("span", "", `${line.results} 条公示结果`));
  facts.append(element("span", "", `最近检查 ${day(line.latest)}`));
  const item = element("li", "", element("h2", "", link), facts);
  const former = line.formerNames.filter((name) => query.words.some((word) => fold(name).includes(word)));
  if (former.length > 0) {
    const earlier = element("p", "meta", "曾用名：");
    former.forEach((name, i) => earlier.append(i > 0 ? "、" : "", element("span", "", ...marked(name, query.words))));
    item.append(earlier);
  }
  return item;
}

// Around the lines ----------------------------------------------------------------------------------

function showPages(wanted, page, last) {
  if (last < 2) return;
  const step = (label, number, enabled) => {
    if (!enabled) return element("li", "", element("span", "disabled", label));
    const link = element("a", "", label);
    link.href = writeAddress({ ...wanted, page: number });
    return element("li", "", link);
  };
  const here = element("li", "here", `第 ${page} 页，共 ${last} 页`);
  pager.append(element("ul", "pagination", step("上一页", page - 1, page > 1), here, step("下一页", page + 1, page < last)));
}

function showFacets(wanted, answer) {
  const rows = [];
  const least = answer.facetsExact === false ? "至少 " : "";
  for (const [name, title] of Object.entries(FACETS)) {
    const values = engine.facetValues(name, answer.facets).slice(0, 12);
    const chosen = wanted.filters[name];
    if (chosen && !values.some(({ value }) => value === chosen)) {
      values.unshift({ value: chosen, words: engine.facetWords(name, chosen), count: null });
    }
    if (values.length < 2 && !chosen) continue;
    const chips = element("ul", "chips");
    for (const { value, words, count } of values) {
      const link = element("a", "", count === null ? words : `${words} ${least}${count}`);
      const filters = { ...wanted.filters, [name]: value === chosen ? null : value };
      link.href = writeAddress({ text: wanted.text, filters, page: 1 });
      if (value === chosen) link.setAttribute("aria-current", "true");
      chips.append(element("li", "", link));
    }
    rows.push(element("dt", "", title), element("dd", "", chips));
  }
  if (rows.length > 0) facets.append(element("details", "", element("summary", "", "缩小范围"), element("dl", "", ...rows)));
  const details = facets.querySelector("details");
  if (details && Object.values(wanted.filters).some(Boolean)) details.open = true;
}

function adviseOnCode(query) {
  if (query.code === null || query.code.length !== 18) return;
  const expected = checkCharacter(query.code);
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

function showFailure() {
  clear();
  const isCut = !navigator.onLine;
  say(isCut ? "现在没有网络连接，这次查询要用的数据还没有载入。" : "查询数据没有载入成功。");
  const again = element("button", "button", "再试一次");
  again.type = "button";
  again.addEventListener("click", () => run(readAddress()));
  const advice = isCut
    ? "已经载入的内容仍然可以查询。连上网络以后，请再试一次。"
    : "可能是网络中断。您也可以用本页下方的链接按地区、按月份查找。";
  hint.append(element("p", "", advice), again);
}

function showOthers(found, words) {
  if (found.length === 0) return;
  const items = found.slice(0, 20).map(({ kind, title, href, beside }) => {
    const link = element("a", "", ...marked(title, words));
    link.href = href;
    const facts = element("p", "meta", element("span", "", KINDS[kind] ?? kind));
    if (beside) facts.append(element("span", "", beside));
    return element("li", "", element("h3", "", link), facts);
  });
  others.append(
    element("h2", "section-title", `计划、任务、事项和说明（${found.length}）`),
    element("ul", "entries", ...items),
  );
}

function show(wanted, answer) {
  clear();
  const { query, total, exact, page } = answer;
  const number = element("strong", "", exact ? String(total) : `至少 ${total}`);
  if (answer.done) number.dataset.total = "";
  say("找到 ", number, " 个检查对象", page > 1 ? `，第 ${page} 页` : "", answer.done ? "" : "，还在查找…");
  adviseOnCode(query);
  if (answer.done && total === 0) showNothing();
  list.start = (page - 1) * PAGE_SIZE + 1;
  list.append(...answer.lines.map((line) => entry(line, query)));
  const known = Math.min(answer.last ?? Infinity, Math.max(1, Math.ceil(total / PAGE_SIZE)));
  const isOpen = !exact && answer.lines.length === PAGE_SIZE && !answer.last;
  showPages(wanted, page, isOpen ? Math.max(known, page + 1) : known);
  if (answer.facets !== null || Object.values(wanted.filters).some(Boolean)) showFacets(wanted, answer);
}

// Running -----------------------------------------------------------------------------------------

let current = null;

async function run(wanted) {
  current?.abort();
  current = new AbortController();
  const { signal } = current;
  if (wanted.text.trim() === "" && !Object.values(wanted.filters).some(Boolean)) {
    clear();
    return;
  }
  try {
    let answer = null;
    for await (answer of engine.search(wanted.text, wanted.filters, wanted.page, signal)) {
      if (signal.aborted) return;
      if (answer.query.words.length === 0 && answer.query.filters.length === 0) {
        clear();
        say("请输入汉字、字母或者数字。");
        return;
      }
      show(wanted, answer);
    }
    if (wanted.page > 1 || Object.values(wanted.filters).some(Boolean)) return;
    await runOthers(answer.query, signal);
  } catch {
    if (!signal.aborted) showFailure();
  }
}

async function runOthers(query, signal) {
  try {
    const found = await engine.others(query, signal);
    if (!signal.aborted) showOthers(found, query.words);
  } catch {
    if (!signal.aborted) others.append(element("p", "meta", "计划、任务、事项和说明没有载入成功，没有一起查找。"));
  }
}

function fromAddress() {
  clearTimeout(waiting);
  finished = true;
  const wanted = readAddress();
  input.value = wanted.text;
  return run(wanted);
}

// One step back in the browser's history is one search, not one keystroke: the first keystroke after a
// finished search makes a new entry, the following ones rewrite it.
let finished = true;
let waiting = 0;

function go(wanted, isFinished) {
  const next = writeAddress(wanted);
  if (finished && next !== location.search) history.pushState(null, "", next);
  else history.replaceState(null, "", next);
  finished = isFinished;
  return run(wanted);
}

function typed() {
  clearTimeout(waiting);
  waiting = setTimeout(() => go({ ...readAddress(), text: input.value.trim(), page: 1 }, false), 120);
}

input.addEventListener("focus", () => engine.prepare().catch(() => {}), { once: true });
input.addEventListener("input", (event) => event.isComposing || typed());
input.addEventListener("compositionend", typed);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(waiting);
  go({ ...readAddress(), text: input.value.trim(), page: 1 }, true);
});

for (const links of [pager, facets]) {
  links.addEventListener("click", async (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    history.pushState(null, "", link.getAttribute("href"));
    finished = true;
    await run(readAddress());
    status.focus();
    status.scrollIntoView({ block: "start" });
  });
}

addEventListener("popstate", fromAddress);
engine.prepare().catch(() => {});
if (location.search) fromAddress();
