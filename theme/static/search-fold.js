// Folding of what is typed and of what is compared with it; the same rules as publisher/folding.py.

const OPENING = new Set("[{〔【〈《「『﹝");
const CLOSING = new Set("]}〕】〉》」』﹞");
const DROPPED = /[\p{Cc}\p{Cf}\p{Z}"'“”‘’·•・]/u;
const PLAIN = /^[\u4e00-\u9fff0-9A-Z()]*$/;

const seen = new Map();

function foldCharacter(character) {
  let folded = seen.get(character);
  if (folded === undefined) {
    folded = "";
    for (const one of character.normalize("NFKC").toUpperCase()) {
      if (OPENING.has(one)) folded += "(";
      else if (CLOSING.has(one)) folded += ")";
      else if (!DROPPED.test(one)) folded += one;
    }
    seen.set(character, folded);
  }
  return folded;
}

/** Width, case, brackets and blanks folded; characters are left as they are. */
export function fold(text) {
  if (PLAIN.test(text)) return text;
  let folded = "";
  for (const character of text) folded += foldCharacter(character);
  return folded;
}

/** Texts between line feeds and tabs, each folded. */
export const foldLines = (text) => text.replace(/[^\u4e00-\u9fff0-9A-Z()\n\t]/gu, foldCharacter);

/** The range (code units) of `text` whose folded form is `word`, the first one; null when there is none. */
export function findRange(text, word, simplified = null) {
  let folded = "";
  const starts = [];
  const ends = [];
  let at = 0;
  for (const character of text) {
    for (const one of foldCharacter(character)) {
      const unit = simplified?.get(one) ?? one;
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

let known = null;

/** Whether `text` has a character that may be a traditional one: not in GB/T 2312, where simplified text stays. */
export function mayBeTraditional(text) {
  if (!/[\u3400-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}]/u.test(text)) return false;
  if (known === null) {
    const bytes = new Uint8Array(2 * 72 * 94);
    for (let row = 0; row < 72; row += 1) {
      for (let cell = 0; cell < 94; cell += 1) bytes.set([0xb0 + row, 0xa1 + cell], 2 * (row * 94 + cell));
    }
    known = new Set(new TextDecoder("gb2312").decode(bytes));
  }
  for (const character of text) {
    if (/\p{Script=Han}/u.test(character) && !known.has(character)) return true;
  }
  return false;
}

/** `text` with the characters of `table` (traditional to simplified) replaced. */
export function simplify(text, table) {
  let folded = "";
  for (const character of text) folded += table.get(character) ?? character;
  return folded;
}

// Codes (GB 32100-2015, GB 11714-1997) ------------------------------------------------------------

const ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/** Whether a folded word may be a code or a registration number, or a part of one: letters alone are a name or a sound. */
export const isCode = (word) => /^[0-9A-Z]{2,18}$/.test(word) && /\d/.test(word);

/** The 18th character of a unified social credit code, or null for characters that no code has. */
export function checkCharacter(code) {
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

/** The 9th character of an organisation code, from its first eight. */
export function organisationCheckCharacter(body) {
  const weights = [3, 7, 9, 10, 5, 8, 4, 2];
  const sum = weights.reduce((total, weight, i) => total + weight * Number.parseInt(body[i], 36), 0);
  return "0123456789X0"[11 - (sum % 11)];
}
