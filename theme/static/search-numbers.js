// Ascending numbers of subjects.

/** The numbers whose gaps are written with commas between. */
export function running(gaps) {
  let sum = 0;
  return gaps === "" ? [] : gaps.split(",").map((gap) => (sum += Number(gap)));
}

/** The place of the first number of a list that is not below a value. */
export function from(list, value) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The numbers that are in both lists. */
export function both(few, many) {
  const found = [];
  let at = 0;
  for (const doc of few) {
    while (at < many.length && many[at] < doc) at += 1;
    if (at < many.length && many[at] === doc) found.push(doc);
  }
  return found;
}
