/** The picture with its lines: fits it into its box, and turns it under the slider. */

import { $, make } from "./dom.js";
import { overlay } from "./overlay.js";
import { percent } from "./confidence.js";
import { linesOf } from "./compare.js";
import { turnedSize } from "./turn.js";

/** @typedef {import("./api.js").Page} Page */

const box = $("stage");
const mover = make("div", { class: "mover" });
const tip = make("p", { class: "tip", hidden: true, "aria-hidden": "true" });
box.append(mover, tip);

/** What is shown: a picture as it lies, at which turn of the sheet, and the sheet's own size. */
let shown = { degrees: 0, width: 1, height: 1, ownWidth: 1, ownHeight: 1 };
let target = 0;
let page = /** @type {Page | null} */ (null);
let active = -1;

/**
 * Listen for the line that a person points at or moves to.
 * @param {(index: number) => void} choose
 */
export function onLine(choose) {
  const of = (event) => event.target.closest?.("[data-line]");
  const chosen = (event) => of(event) && choose(Number(of(event).dataset.line));
  for (const kind of ["pointerover", "focusin", "click"]) mover.addEventListener(kind, chosen);
  mover.addEventListener("pointerleave", () => (tip.hidden = true));
  mover.addEventListener("focusout", () => (tip.hidden = true));
  mover.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -1e9, End: 1e9 };
    const step = steps[event.key];
    if (!step || !of(event)) return;
    event.preventDefault();
    const all = [...mover.querySelectorAll("[data-line]")];
    const next = Math.min(Math.max(Number(of(event).dataset.line) + step, 0), all.length - 1);
    all[next].focus({ preventScroll: true });
  });
}

/**
 * Show a picture and its lines.
 * @param {HTMLCanvasElement} picture As it lies.
 * @param {Page} lines As they lie.
 * @param {number} degrees How it is turned from the sheet.
 * @param {HTMLCanvasElement} own The sheet's picture.
 */
export function show(picture, lines, degrees, own) {
  const focused = mover.contains(document.activeElement);
  page = lines;
  shown = { degrees, ...size(picture), ownWidth: own.width, ownHeight: own.height };
  picture.className = "picture";
  mover.replaceChildren(picture, overlay(lines, true));
  mover.classList.remove("eased");
  preview(degrees);
  highlight(Math.min(active, linesOf(lines).length - 1));
  tip.hidden = true;
  if (focused) lineElement(Math.max(active, 0))?.focus({ preventScroll: true });
}

/** Show the picture alone, while it is read. */
export function showPicture(picture, degrees, own) {
  page = null;
  shown = { degrees, ...size(picture), ownWidth: own.width, ownHeight: own.height };
  picture.className = "picture";
  mover.replaceChildren(picture);
  preview(degrees);
}

/**
 * Turn what is shown to another turn of the sheet, before that is read.
 * @param {number} degrees
 * @param {boolean} [eased] Whether it moves there gently.
 */
export function preview(degrees, eased = false) {
  target = degrees;
  const scale = fit(shown.width, shown.height);
  mover.style.width = `${shown.width * scale}px`;
  mover.style.height = `${shown.height * scale}px`;
  const further = degrees - shown.degrees;
  const [width, height] = turnedSize(shown.ownWidth, shown.ownHeight, degrees);
  const grown = further % 360 === 0 ? 1 : fit(width, height) / scale;
  mover.classList.toggle("eased", eased);
  mover.style.transform = `translate(-50%, -50%) rotate(${-further}deg) scale(${grown})`;
  tip.hidden = true;
}

/** Mark a line, and take the mark from the others; -1 marks none. */
export function highlight(/** @type {number} */ index, named = false) {
  active = index;
  for (const line of mover.querySelectorAll("[data-line]")) {
    const on = Number(/** @type {SVGElement} */ (line).dataset.line) === index;
    line.classList.toggle("active", on);
    line.setAttribute("aria-selected", String(on));
    line.setAttribute("tabindex", on || (index < 0 && line === mover.querySelector("[data-line]")) ? "0" : "-1");
  }
  if (named) label(index);
  else tip.hidden = true;
}

/** Dim the lines that are less sure than this. */
export function dim(/** @type {number} */ least) {
  if (!page) return;
  linesOf(page).forEach(({ confidence }, index) =>
    lineElement(index)?.classList.toggle("dim", confidence < least),
  );
}

/** Put a line's text and confidence beside it. */
function label(/** @type {number} */ index) {
  const element = lineElement(index);
  if (!element || !page) return;
  const { text, confidence } = linesOf(page)[index];
  tip.replaceChildren(text, make("span", {}, percent(confidence)));
  tip.hidden = false;
  const [line, stage] = [element.getBoundingClientRect(), box.getBoundingClientRect()];
  const middle = (line.left + line.right) / 2 - stage.left;
  const half = tip.offsetWidth / 2 + 8;
  const above = line.top - stage.top - tip.offsetHeight - 8;
  tip.style.left = `${Math.min(Math.max(middle, half), Math.max(stage.width - half, half))}px`;
  tip.style.top = `${above >= 4 ? above : Math.min(line.bottom - stage.top + 8, stage.height - tip.offsetHeight - 4)}px`;
}

const lineElement = (/** @type {number} */ index) =>
  /** @type {SVGElement | null} */ (mover.querySelector(`[data-line="${index}"]`));

const size = ({ width, height }) => ({ width, height });

function fit(/** @type {number} */ width, /** @type {number} */ height) {
  const edge = 32;
  return Math.min((box.clientWidth - edge) / width, (box.clientHeight - edge) / height);
}

new ResizeObserver(() => preview(target)).observe(box);
