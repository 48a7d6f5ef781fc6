// Checks the page it stands on against the publication log, in the reader's own browser (docs/log.md).
// The tree is that of RFC 6962, its tiles those of c2sp.org/tlog-tiles, its checkpoint a c2sp.org/signed-note.

const HASH = 32;
const WIDTH = 256;
const EMPTY_NOTE = "\n\n";
const SIGNED = /<!-- publication-log-signature (\S+) ([A-Za-z0-9+/=]+) -->\n?$/;
const utf8 = new TextEncoder();

class Failed extends Error {} // something does not hold
class Unable extends Error {} // this browser or this connection cannot tell

const bytesOf = (base64) => Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
const base64Of = (bytes) => btoa(String.fromCharCode(...bytes));
const same = (a, b) => a.length === b.length && a.every((one, place) => one === b[place]);

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

async function digest(bytes, name = "SHA-256") {
  return new Uint8Array(await crypto.subtle.digest(name, bytes));
}

async function get(address, orElse) {
  let answer;
  try {
    answer = await fetch(address);
  } catch {
    throw new Unable("网络不通，没有取到核验需要的文件");
  }
  if (answer.status === 404 && orElse) return get(orElse);
  if (!answer.ok) throw new Failed(`取不到 ${address}（${answer.status}）`);
  return new Uint8Array(await answer.arrayBuffer());
}

// Keys and notes ----------------------------------------------------------------------------------

async function keyOf(vkey) {
  const parts = /^([^\s+]+)\+([0-9a-f]{8})\+(.+)$/.exec(vkey);
  const told = parts ? bytesOf(parts[3]) : new Uint8Array();
  if (told.length !== 33 || told[0] !== 1) throw new Failed("日志的公钥写法不对");
  const id = (await digest(joined(utf8.encode(`${parts[1]}\n`), told))).slice(0, 4);
  if ([...id].map((one) => one.toString(16).padStart(2, "0")).join("") !== parts[2]) throw new Failed("日志的公钥写法不对");
  let key = null;
  try {
    key = await crypto.subtle.importKey("raw", told.slice(1), { name: "Ed25519" }, false, ["verify"]);
  } catch {
    // An older browser: everything but the signatures can still be checked, and the reader is told.
  }
  return { vkey, name: parts[1], id, key };
}

async function isSigned(key, text, name, signature) {
  if (name !== key.name || !same(signature.slice(0, 4), key.id)) return false;
  return key.key === null || crypto.subtle.verify({ name: "Ed25519" }, key.key, signature.slice(4), utf8.encode(text));
}

async function checkpointOf(note, key) {
  const words = new TextDecoder().decode(note);
  const end = words.lastIndexOf(EMPTY_NOTE);
  const text = words.slice(0, end + 1);
  const [origin, size, root] = text.split("\n");
  if (end < 0 || origin !== key.name || !/^(0|[1-9]\d{0,14})$/.test(size)) throw new Failed("日志的检查点写法不对");
  let signed = false;
  for (const line of words.slice(end + 2).split("\n").filter(Boolean)) {
    const [, name, signature] = line.split(" ");
    if (name === key.name) signed = await isSigned(key, text, name, bytesOf(signature));
  }
  if (!signed) throw new Failed("日志的检查点没有有效签名");
  return { size: Number(size), root: bytesOf(root) };
}

// The tree ----------------------------------------------------------------------------------------

const leafHash = (entry) => digest(joined(Uint8Array.of(0), entry));
const nodeHash = (left, right) => digest(joined(Uint8Array.of(1), left, right));
const halfOf = (count) => 2 ** (Math.ceil(Math.log2(count)) - 1);

function pathOf(name, number, width) {
  const digits = String(number).padStart(Math.ceil(Math.max(String(number).length, 3) / 3) * 3, "0");
  const groups = digits.match(/\d{3}/g);
  const last = groups.pop();
  return `tile/${name}/${[...groups.map((group) => `x${group}`), last].join("/")}${width === WIDTH ? "" : `.p/${width}`}`;
}

class Log {
  constructor(folder, { size, root }) {
    this.folder = folder;
    this.size = size;
    this.signedRoot = root;
    this.kept = new Map();
  }

  tile(name, level, number) {
    const width = Math.min(WIDTH, Math.floor(this.size / WIDTH ** level) - number * WIDTH);
    const path = this.folder + pathOf(name, number, width);
    if (!this.kept.has(path)) this.kept.set(path, get(path, this.folder + pathOf(name, number, WIDTH)));
    return this.kept.get(path);
  }

  // The hash over `count` entries from `first`.
  async range(first, count) {
    if (!Number.isInteger(Math.log2(count))) {
      const half = halfOf(count);
      return nodeHash(await this.range(first, half), await this.range(first + half, count - half));
    }
    const level = Math.floor(Math.log2(count) / 8);
    const index = first / WIDTH ** level;
    const tile = await this.tile(level, level, Math.floor(index / WIDTH));
    const start = (index % WIDTH) * HASH;
    let hashes = tile.slice(start, start + (count / WIDTH ** level) * HASH);
    while (hashes.length > HASH) {
      const pairs = [];
      for (let place = 0; place < hashes.length; place += 2 * HASH) {
        pairs.push(nodeHash(hashes.slice(place, place + HASH), hashes.slice(place + HASH, place + 2 * HASH)));
      }
      hashes = joined(...(await Promise.all(pairs)));
    }
    return hashes;
  }

  // The root as it is if `leaf` is the hash of entry `index`.
  async rootWith(index, leaf, first = 0, count = this.size) {
    if (count === 1) return leaf;
    const half = halfOf(count);
    if (index < first + half) {
      return nodeHash(await this.rootWith(index, leaf, first, half), await this.range(first + half, count - half));
    }
    return nodeHash(await this.range(first, half), await this.rootWith(index, leaf, first + half, count - half));
  }

  // The root at an earlier size and the root now, both over the same hashes.
  async grownFrom(earlier, first = 0, count = this.size) {
    if (count === earlier) {
      const hash = await this.range(first, count);
      return [hash, hash];
    }
    const half = halfOf(count);
    if (earlier <= half) {
      const [before, now] = await this.grownFrom(earlier, first, half);
      return [before, await nodeHash(now, await this.range(first + half, count - half))];
    }
    const left = await this.range(first, half);
    const [before, now] = await this.grownFrom(earlier - half, first + half, count - half);
    return [await nodeHash(left, before), await nodeHash(left, now)];
  }

  async entry(index) {
    const bundle = await this.tile("entries", 0, Math.floor(index / WIDTH));
    let place = 0;
    for (let left = index % WIDTH; left > 0; left -= 1) place += 2 + bundle[place] * 256 + bundle[place + 1];
    return bundle.slice(place + 2, place + 2 + bundle[place] * 256 + bundle[place + 1]);
  }
}

// Records -----------------------------------------------------------------------------------------

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${members.join(",")}}`;
}

async function commitmentOf(record, seed) {
  const digests = [];
  for (const [place, name] of Object.keys(record).sort().entries()) {
    const salts = await digest(joined(seed, Uint8Array.of(Math.floor(place / 4))), "SHA-512");
    const salt = salts.slice((place % 4) * 16, (place % 4) * 16 + 16);
    digests.push(await digest(joined(salt, utf8.encode(`${JSON.stringify(name)}:${canonical(record[name])}`))));
  }
  return digest(joined(...digests));
}

const urlSafe = (text) => text.replace(/-/g, "+").replace(/_/g, "/");

async function checkRecord(log, { leaf, seed, record }) {
  if (!Number.isInteger(leaf) || leaf < 0 || leaf >= log.size) throw new Failed(`第 ${leaf} 条还不在日志里`);
  const entry = await log.entry(leaf);
  if (!same(await log.rootWith(leaf, await leafHash(entry)), log.signedRoot)) throw new Failed(`日志不含第 ${leaf} 条`);
  const { commit } = JSON.parse(new TextDecoder().decode(entry));
  const commitment = await commitmentOf(record, bytesOf(urlSafe(seed)));
  if (commit === undefined || !same(bytesOf(urlSafe(commit)), commitment)) {
    throw new Failed(`第 ${leaf} 条登记的内容与本页不同`);
  }
}

// The page ----------------------------------------------------------------------------------------

function remembered(name) {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // Storage may be refused; the next check is then a first one again.
  }
}

async function checkPage(key, address) {
  const page = await get(location.href.replace(/#.*/s, ""));
  const words = new TextDecoder().decode(page);
  const signed = SIGNED.exec(words);
  if (!signed) throw new Failed("本页没有签名");
  const text = page.slice(0, page.length - utf8.encode(signed[0]).length);
  const note = `${key.name.replace(/\/log$/, "")}${address}\n${base64Of(await digest(text))}\n`;
  if (!(await isSigned(key, note, signed[1], bytesOf(signed[2])))) throw new Failed("本页内容与签名不符，可能被改动过");
  const opened = /<!-- publication-log (\[.*\]) -->\n$/s.exec(words.slice(0, signed.index));
  return opened ? JSON.parse(opened[1]) : [];
}

async function check(folder, address, say) {
  if (!globalThis.crypto?.subtle) throw new Unable("浏览器只在 https 地址上提供核验需要的功能");
  const vkey = new TextDecoder().decode(await get(`${folder}vkey`)).trim();
  const memory = `publication-log ${folder}`;
  const seen = remembered(memory);
  if (seen && seen.vkey !== vkey) throw new Failed("日志的公钥与上次核验时不同");
  const key = await keyOf(vkey);
  const signatures = key.key === null ? "（这个浏览器不支持 Ed25519，没有核对签名）" : "";
  const opened = await checkPage(key, address);
  say(`本页内容自签发以来没有改动${signatures}`);
  const log = new Log(folder, await checkpointOf(await get(`${folder}checkpoint`), key));
  say(`日志检查点有效，共 ${log.size} 条${signatures}`);
  if (seen) {
    if (seen.size > log.size) throw new Failed("日志比上次核验时短");
    if (seen.size > 0) {
      const [before, now] = await log.grownFrom(seen.size);
      if (!same(now, log.signedRoot)) throw new Failed("日志的内容与检查点不符");
      if (!same(before, bytesOf(seen.root))) throw new Failed("日志改写了上次核验过的部分");
    }
    say("日志只有增加，上次核验过的部分没有改动");
  }
  if (opened.length === 0) throw new Failed("本页没有可以核验的记录");
  for (const one of opened) await checkRecord(log, one);
  say(`本页 ${opened.length} 条记录都登记在日志里，内容一致`);
  if (key.key !== null) remember(memory, { vkey, size: log.size, root: base64Of(log.signedRoot) });
  return key.key === null ? "核验完成，但没有核对签名" : "核验通过";
}

for (const button of document.querySelectorAll("[data-verify]")) {
  const result = document.getElementById(button.getAttribute("aria-controls"));
  button.hidden = false;
  button.addEventListener("click", async () => {
    const list = document.createElement("ul");
    const verdict = document.createElement("p");
    const say = (sentence) => list.appendChild(document.createElement("li")).append(sentence);
    button.disabled = true;
    verdict.textContent = "正在核验……";
    result.replaceChildren(verdict, list);
    try {
      verdict.textContent = await check(button.dataset.verify, button.dataset.address, say);
    } catch (error) {
      verdict.textContent = error instanceof Unable ? `无法核验：${error.message}` : `核验不通过：${error.message}`;
      if (!(error instanceof Unable || error instanceof Failed)) verdict.textContent = "核验不通过：核验文件的写法不对";
    } finally {
      button.disabled = false;
    }
    result.dataset.outcome = verdict.textContent.slice(0, 4);
  });
}
