/** The sheet at its four turns side by side, and whether the four documents are the same. */

import { exactlyTurned, linesOf, sameLines } from "./compare.js";
import { $, count, make } from "./dom.js";
import { overlay } from "./overlay.js";
import { pageOf } from "./sheets.js";
import { turned } from "./turn.js";

/** @typedef {import("./sheets.js").Sheet} Sheet */

const TURNS = [0, 90, 180, 270];
const SIDE = 720; // of a picture, px

/**
 * Read a sheet at its four turns, and show them as they come.
 * @param {Sheet} sheet
 * @param {AbortSignal} signal
 * @param {(degrees: number) => void} open Is called with the turn of a picture that is clicked.
 */
export async function show(sheet, signal, open) {
  const own = await sheet.pixels();
  if (signal.aborted) return;
  const cells = TURNS.map((degrees) => cell(turned(own, degrees), degrees, open));
  $("four").replaceChildren(...cells.map(({ figure }) => figure));
  verdict("", "Reading the page at its four turns …");
  const pages = [];
  for (const [index, degrees] of TURNS.entries()) {
    const answer = degrees ? await sheet.read(degrees, signal) : await sheet.reference(signal);
    if (signal.aborted) return;
    const { width, height, frame, note } = cells[index];
    const page = pageOf(answer, { width, height });
    pages.push(page);
    frame.append(overlay(page));
    note.textContent = count(linesOf(page).length, "line");
  }
  verdict(...judge(pages));
}

function cell(picture, degrees, open) {
  const { width, height } = picture;
  const scale = Math.min(1, SIDE / Math.max(width, height));
  const small = document.createElement("canvas");
  small.width = Math.round(width * scale);
  small.height = Math.round(height * scale);
  const pen = /** @type {CanvasRenderingContext2D} */ (small.getContext("2d"));
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, small.width, small.height);
  const frame = make(
    "button",
    { type: "button", "aria-label": `Show the page at ${degrees}°` },
    small,
  );
  frame.addEventListener("click", () => open(degrees));
  const note = make("span", {}, "reading …");
  const figure = make(
    "figure",
    {},
    frame,
    make("figcaption", {}, make("b", {}, `${degrees}°`), " ", note),
  );
  return { figure, frame, note, width, height };
}

/** What the four pages have in common. @returns {["yes" | "no", string]} */
function judge(pages) {
  const [first, ...others] = pages;
  const texts = pages.map((page) => linesOf(page).map(({ text }) => text));
  const exact = others.every((page, index) => exactlyTurned(first, page, TURNS[index + 1]));
  const lines = count(texts[0].length, "line");
  if (exact) {
    return [
      "yes",
      `The four documents are equal: ${lines}, the same texts in the same order, each outline turned exactly.`,
    ];
  }
  const differing = others
    .map((_, index) => [TURNS[index + 1], sameLines(texts[0], texts[index + 1])])
    .filter(([, { equal, total }]) => equal < total)
    .map(([turn, { equal, total }]) => `at ${turn}° ${equal} of ${total} lines are as at 0°`);
  if (!differing.length) {
    return [
      "yes",
      `The four texts are equal, ${lines} in the same order; outlines or confidences differ.`,
    ];
  }
  return ["no", `The four documents differ: ${differing.join(", ")}.`];
}

function verdict(/** @type {string} */ kind, /** @type {string} */ message) {
  $("four-verdict").className = `verdict ${kind}`;
  $("four-verdict").textContent = message;
}
