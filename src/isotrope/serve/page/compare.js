/** Whether two readings are the same. */

import { turnedPage } from "./turn.js";

/** @typedef {import("./api.js").Page} Page @typedef {import("./api.js").Line} Line */

/** A page's lines in reading order. @returns {Line[]} */
export const linesOf = (/** @type {Page} */ page) => page.regions.flatMap((region) => region.lines);

/**
 * Which lines of two readings have the same text in the same order: a longest common subsequence.
 * @param {string[]} before
 * @param {string[]} after
 * @returns {{ equal: number, total: number, kept: Set<number> }} How many lines, of how many of the
 *   longer reading, and their places in `after`.
 */
export function sameLines(before, after) {
  const [n, m] = [before.length, after.length];
  const longest = Array.from({ length: n + 1 }, () => new Uint16Array(m + 1));
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      longest[i][j] =
        before[i] === after[j]
          ? longest[i + 1][j + 1] + 1
          : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const kept = new Set();
  for (let i = 0, j = 0; i < n && j < m;) {
    if (before[i] === after[j]) {
      kept.add(j);
      i++;
      j++;
    } else if (longest[i + 1][j] >= longest[i][j + 1]) i++;
    else j++;
  }
  return { equal: kept.size, total: Math.max(n, m), kept };
}

/**
 * Whether a page is exactly another one turned: same texts in the same order, same confidences, and
 * each outline in its turned place.
 * @param {Page} before
 * @param {Page} after
 * @param {number} degrees The turn, a multiple of 90.
 */
export function exactlyTurned(before, after, degrees) {
  return same(document(turnedPage(before, degrees)), document(after));
}

/** What a page says, without the file it is from and without the scores, which turn with it. */
function document({ width, height, orientation, slant, regions, adapter }) {
  return { width, height, orientation, slant, regions, adapter };
}

function same(a, b) {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => name in b && same(a[name], b[name]))
  );
}
