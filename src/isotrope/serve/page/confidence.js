/** Levels of confidence, which color and stroke show together. */

export const LEVELS = [
  { name: "sure", least: 0.8 },
  { name: "fair", least: 0.5 },
  { name: "doubtful", least: 0 },
];

/** @param {number} confidence In [0, 1]. */
export function level(confidence) {
  return LEVELS.find(({ least }) => confidence >= least)?.name ?? "doubtful";
}

/** A confidence in words, rounded down so that only certainty is 100 %. */
export function percent(/** @type {number} */ confidence) {
  return `${Math.floor(100 * confidence)} %`;
}
