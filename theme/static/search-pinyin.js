// Names by their sound: what is typed in Latin letters as syllables or initials, and how names are spelled.

/** The syllables of each character, from the table of the index. */
export function readReadings(rows) {
  const readings = new Map();
  for (const [syllable, characters] of rows) {
    for (const character of characters) readings.set(character, [...(readings.get(character) ?? []), syllable]);
  }
  readings.syllables = new Set(rows.map(([syllable]) => syllable));
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

/** A word as it may sound: its segmentations and its letters as initials. */
export function soundsOf(word, readings) {
  const letters = word.toLowerCase();
  return { letters, ways: segmentations(letters, readings.syllables).filter((way) => way.length > 1) };
}

/** The keys of the index for a sound, those of one way to read it together. */
export function keysOf({ letters, ways }, syllables) {
  const groups = [];
  for (const way of ways) {
    const whole = way.filter((part, place) => place < way.length - 1 || syllables.has(part));
    const pairs = whole.slice(1).map((part, place) => `${whole[place]} ${part}`);
    if (pairs.length > 0) groups.push(pairs);
  }
  if (letters.length >= 4) {
    const fours = [];
    for (let at = 0; at + 4 <= letters.length; at += 4) fours.push(letters.slice(at, at + 4));
    if (letters.length % 4 !== 0) fours.push(letters.slice(-4));
    groups.push(fours);
  }
  return groups;
}

/** Where in a folded name a sound begins, or -1. */
export function placeOfSound(text, { letters, ways }, readings) {
  const sounds = Array.from(text, (character) => readings.get(character) ?? []);
  const begins = (parts, at, isWhole) =>
    parts.every((part, i) => sounds[at + i]?.some((sound) =>
      isWhole && i < parts.length - 1 ? sound === part : sound.startsWith(part)));
  for (let at = 0; at < sounds.length; at += 1) {
    if (ways.some((way) => begins(way, at, true))) return at;
    if (letters.length >= 2 && begins([...letters], at, false)) return at;
  }
  return -1;
}
