/** The lines of a page as SVG over its picture: outlines, and arrows in the direction of reading. */

import { level, percent } from "./confidence.js";
import { linesOf } from "./compare.js";
import { draw } from "./dom.js";
import { arrowHead, lineBox, path } from "./shape.js";

/** @typedef {import("./api.js").Page} Page @typedef {import("./api.js").Line} Line */

/**
 * Draw a page's lines.
 * @param {Page} page
 * @param {boolean} [alive] Whether lines can be reached by keyboard.
 * @returns {SVGElement} Has a child with `data-line` for each line.
 */
export function overlay(page, alive = false) {
  const { width, height } = page;
  const lines = linesOf(page);
  const role = alive
    ? { role: "listbox", "aria-label": "Lines in the picture" }
    : { "aria-hidden": "true" };
  const shapes = lines.map((line, index) => shape(line, index, lines.length, alive));
  return draw("svg", { viewBox: `0 0 ${width} ${height}`, class: "overlay", ...role }, ...shapes);
}

function shape(/** @type {Line} */ line, index, total, alive) {
  const { height } = lineBox(line);
  const name = `Line ${index + 1} of ${total}: ${line.text}, ${percent(line.confidence)}`;
  const reach = alive
    ? { role: "option", "aria-label": name, "aria-selected": "false", tabindex: index ? -1 : 0 }
    : {};
  return draw(
    "g",
    { class: `line ${level(line.confidence)}`, "data-line": index, ...reach },
    draw("polygon", { class: "outline", points: path(line.polygon) }),
    draw("polyline", { class: "baseline", points: path(line.baseline) }),
    draw("polygon", { class: "head", points: path(arrowHead(line.baseline, 0.36 * height)) }),
  );
}
