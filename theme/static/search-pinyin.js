// Names by their sound: what is typed in Latin letters as syllables or initials, and how names are spelled.

const INITIALS = 4; // letters of a key, and the fewest that are looked up as initials

/** The syllables of each character, from the table of the index. */
export function readReadings(rows) {
  const readings = new Map();
  for (const [syllable, characters] of rows) {
    for (const character of characters) readings.set(character, [...(readings.get(character) ?? []), syllable]);
  }
  readings.syllables = new Set(rows.map(([syllable]) => syllable));
  readings.initials = new Set(rows.map(([syllable]) => syllable[0])); // none begins with i, u or v
  return readings;
}

/** Whether a folded word may be a sound: Latin letters only, two or more. */
export const maySound = (word) => /^[A-Z]{2,60}$/.test(word);

/** The ways to read letters as syllables; the last one may be cut short. At most 20. */
export function segmentations(letters, syllables) {
  const found = [];
  const step = (at, before) => {
    if (found.length >= 20) return;
    if (at === letters.length) {
      found.push(before);
      return;
    }
    for (let end = Math.min(letters.length, at + 6); end > at; end -= 1) {
      const part = letters.slice(at, end);
      if (syllables.has(part)) step(end, [...before, part]);
      else if (end === letters.length && before.length > 0 && [...syllables].some((one) => one.startsWith(part))) {
        found.push([...before, part]);
      }
    }
  };
  step(0, []);
  return found;
}

/** A word as it may sound: ways to read it as two syllables or more, and from four letters on as initials. */
export function soundsOf(word, readings) {
  const letters = word.toLowerCase();
  const { syllables } = readings;
  const areInitials = letters.length >= INITIALS && [...letters].every((letter) => readings.initials.has(letter));
  const every = segmentations(letters, syllables).map((parts) => ({ parts, isCut: !syllables.has(parts.at(-1)) }));
  const ways = every.filter(({ parts, isCut }) => parts.length - isCut > 1);
  const whole = ways.filter(({ isCut }) => !isCut);
  return {
    ways: whole.length > 0 ? whole : ways, // a last syllable is still being typed only where it must be
    initials: areInitials ? letters : null,
  };
}

/** The keys of the index for a sound, those of one way to read it together. */
export function keysOf({ ways, initials }) {
  const groups = ways.map(({ parts, isCut }) => {
    const whole = isCut ? parts.slice(0, -1) : parts;
    return whole.slice(1).map((part, place) => `${whole[place]} ${part}`);
  });
  if (initials !== null) {
    const last = initials.length - INITIALS;
    const places = new Set([...Array.from({ length: last + 1 }, (_, at) => at).filter((at) => at % INITIALS === 0), last]);
    groups.push([...places].map((at) => initials.slice(at, at + INITIALS)));
  }
  return groups;
}

/** Where in a folded name a sound begins, or -1. */
export function placeOfSound(text, { ways, initials }, readings) {
  const sounds = Array.from(text, (character) => readings.get(character) ?? []);
  const has = (at, part, isCut) => sounds[at]?.some((sound) => (isCut ? sound.startsWith(part) : sound === part));
  for (let at = 0; at < sounds.length; at += 1) {
    if (ways.some(({ parts, isCut }) => parts.every((part, i) => has(at + i, part, isCut && i === parts.length - 1)))) {
      return at;
    }
    if (initials !== null && [...initials].every((letter, i) => has(at + i, letter, true))) return at;
  }
  return -1;
}
