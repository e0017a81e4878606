/** The frame's four scores: how likely each turn is, as bars. */

import { percent } from "./confidence.js";
import { $, make } from "./dom.js";

const TURNS = ["0", "90", "180", "270"];
const bars = new Map(
  TURNS.map((turn) => {
    const fill = make("i");
    const value = make("span", { class: "value" }, "–");
    const bar = make(
      "li",
      {},
      make("span", { class: "turn" }, `${turn}°`),
      make("b", {}, fill),
      value,
    );
    return [turn, { bar, fill, value }];
  }),
);
$("scores").append(...[...bars.values()].map(({ bar }) => bar));

/** @param {Record<string, number> | undefined} scores Probabilities, by degrees counter-clockwise. */
export function show(scores) {
  $("scores-part").hidden = !scores;
  if (!scores) return;
  const most = TURNS.reduce((best, turn) => (scores[turn] > scores[best] ? turn : best));
  for (const [turn, { bar, fill, value }] of bars) {
    fill.style.transform = `scaleX(${scores[turn]})`;
    value.textContent = percent(scores[turn]);
    bar.classList.toggle("most", turn === most);
  }
}
