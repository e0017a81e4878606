/** The picture with its lines: fits it into its box, zooms, and turns it under the slider. */

import { linesOf } from "./compare.js";
import { percent } from "./confidence.js";
import { $, make } from "./dom.js";
import { overlay } from "./overlay.js";
import { turnedSize } from "./turn.js";

/** @typedef {import("./api.js").Page} Page */

const EDGE = 32; // px around the picture
const ZOOMS = [1, 1.5, 2, 3, 4, 6];

const box = $("stage");
const mover = make("div", { class: "mover" });
const area = make("div", { class: "area" }, mover);
const scroller = make("div", { class: "scroller" }, area);
const tip = make("p", { class: "tip", hidden: true, "aria-hidden": "true" });
box.prepend(scroller, tip);

/** What is shown: a picture as it lies, at which turn of the sheet, and the sheet's own size. */
let shown = { degrees: 0, width: 1, height: 1, ownWidth: 1, ownHeight: 1 };
let target = 0;
let zoom = 1;
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
  const quiet = () => (tip.hidden = true);
  mover.addEventListener("pointerleave", quiet);
  mover.addEventListener("focusout", quiet);
  scroller.addEventListener("scroll", quiet);
  mover.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -1e9, End: 1e9 };
    const step = steps[event.key];
    if (!step || !of(event)) return;
    event.preventDefault();
    const all = [...mover.querySelectorAll("[data-line]")];
    const next = Math.min(Math.max(Number(of(event).dataset.line) + step, 0), all.length - 1);
    reveal(all[next]);
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
  const { width, height } = picture;
  shown = { degrees, width, height, ownWidth: own.width, ownHeight: own.height };
  picture.className = "picture";
  mover.replaceChildren(picture, overlay(lines, true));
  preview(degrees);
  highlight(Math.min(active, linesOf(lines).length - 1));
  if (focused) lineElement(Math.max(active, 0))?.focus({ preventScroll: true });
}

/** Show a picture that is not read yet, or nothing. */
export function showPicture(/** @type {HTMLCanvasElement | null} */ picture) {
  page = null;
  const { width, height } = picture ?? { width: 1, height: 1 };
  shown = { degrees: 0, width, height, ownWidth: width, ownHeight: height };
  if (picture) picture.className = "picture";
  mover.replaceChildren(...(picture ? [picture] : []));
  preview(0);
}

/**
 * Turn what is shown to another turn of the sheet, before that is read.
 * @param {number} degrees
 * @param {boolean} [eased] Whether it moves there gently.
 */
export function preview(degrees, eased = false) {
  target = degrees;
  const { width, height, ownWidth, ownHeight } = shown;
  const [wide, high] = turnedSize(ownWidth, ownHeight, degrees);
  const [now, then] = [fit(width, height) * zoom, fit(wide, high) * zoom];
  const further = degrees - shown.degrees;
  const grown = further % 360 === 0 ? 1 : then / now;
  Object.assign(area.style, {
    width: zoom > 1 ? `${wide * then + EDGE}px` : "100%",
    height: zoom > 1 ? `${high * then + EDGE}px` : "100%",
  });
  Object.assign(mover.style, {
    width: `${width * now}px`,
    height: `${height * now}px`,
    transform: `translate(-50%, -50%) rotate(${-further}deg) scale(${grown})`,
  });
  mover.classList.toggle("eased", eased);
  tip.hidden = true;
}

/** Mark a line, and take the mark from the others; -1 marks none. */
export function highlight(/** @type {number} */ index, named = false) {
  active = index;
  const all = /** @type {NodeListOf<SVGElement>} */ (mover.querySelectorAll("[data-line]"));
  all.forEach((line, place) => {
    line.classList.toggle("active", place === index);
    line.setAttribute("aria-selected", String(place === index));
    line.setAttribute("tabindex", place === Math.max(index, 0) ? "0" : "-1");
  });
  if (named) label(index);
  else {
    tip.hidden = true;
    if (all[index]) reveal(all[index]);
  }
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
  const below = Math.min(line.bottom - stage.top + 8, stage.height - tip.offsetHeight - 4);
  tip.style.left = `${Math.min(Math.max(middle, half), Math.max(stage.width - half, half))}px`;
  tip.style.top = `${above >= 4 ? above : below}px`;
}

/** Zoom by steps, keeping what is in the middle there. */
function zoomBy(/** @type {number} */ steps) {
  const at = ZOOMS.indexOf(zoom) + steps;
  const before = zoom;
  zoom = ZOOMS[Math.min(Math.max(at, 0), ZOOMS.length - 1)];
  const middle = (start, length) => ((start + length / 2) * zoom) / before - length / 2;
  const left = middle(scroller.scrollLeft, scroller.clientWidth);
  const top = middle(scroller.scrollTop, scroller.clientHeight);
  preview(target);
  scroller.scrollTo({ left, top });
  $("zoom-out").disabled = zoom === 1;
  $("zoom-in").disabled = zoom === ZOOMS.at(-1);
}

/** Scroll a line into view, if the picture is larger than its box. */
function reveal(/** @type {Element} */ line) {
  if (zoom === 1) return;
  const [own, all] = [line.getBoundingClientRect(), scroller.getBoundingClientRect()];
  const step = (start, end, low, high) =>
    start >= low && end <= high ? 0 : (start + end - low - high) / 2;
  scroller.scrollBy(
    step(own.left, own.right, all.left, all.right),
    step(own.top, own.bottom, all.top, all.bottom),
  );
}

const lineElement = (/** @type {number} */ index) =>
  /** @type {SVGElement | null} */ (mover.querySelector(`[data-line="${index}"]`));

function fit(/** @type {number} */ width, /** @type {number} */ height) {
  return Math.min((box.clientWidth - EDGE) / width, (box.clientHeight - EDGE) / height);
}

$("zoom-in").addEventListener("click", () => zoomBy(1));
$("zoom-out").addEventListener("click", () => zoomBy(-1));
new ResizeObserver(() => preview(target)).observe(box);
