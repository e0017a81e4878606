/** The text in reading order, as a list of buttons, and all that is known of the chosen line. */

import { linesOf } from "./compare.js";
import { level, percent } from "./confidence.js";
import { $, make } from "./dom.js";
import { cutOut } from "./shape.js";

/** @typedef {import("./api.js").Page} Page @typedef {import("./api.js").Line} Line */

const list = $("lines");
const card = $("card");

/**
 * Listen for the line that a person points at or moves to.
 * @param {(index: number) => void} choose
 */
export function onLine(choose) {
  const chosen = (event) => {
    const button = event.target.closest?.("[data-line]");
    if (button) choose(Number(button.dataset.line));
  };
  for (const kind of ["pointerover", "focusin", "click"]) list.addEventListener(kind, chosen);
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...list.querySelectorAll("button")];
    all[all.indexOf(document.activeElement) + step]?.focus();
  });
}

/**
 * List a page's lines by regions.
 * @param {Page | null} page
 * @param {Set<number> | null} kept The lines that are as at 0 degrees, if that is known.
 */
export function show(page, kept = null) {
  const focused = list.contains(document.activeElement)
    ? [...list.querySelectorAll("button")].indexOf(document.activeElement)
    : -1;
  let index = 0;
  const items = (page?.regions ?? []).flatMap((region) =>
    region.lines.map((line, place) => {
      const changed = kept !== null && !kept.has(index);
      return item(line, index++, place === 0, region.kind, changed);
    }),
  );
  list.replaceChildren(...items);
  $("no-text").hidden = !page || items.length > 0;
  if (focused >= 0) list.querySelectorAll("button")[focused]?.focus({ preventScroll: true });
}

function item(/** @type {Line} */ line, index, opens, kind, changed) {
  const sure = percent(line.confidence);
  const button = make(
    "button",
    { type: "button", "data-line": index, class: level(line.confidence) },
    make("span", { class: "words" }, line.text),
    changed ? make("span", { class: "changed" }, "differs") : null,
    make("span", { class: "percent", title: "Confidence in the line" }, sure),
  );
  const classes = [opens && "opens", kind].filter(Boolean).join(" ");
  return make("li", { class: classes }, button);
}

/** Mark a line's text, and bring it into view within the list. */
export function highlight(/** @type {number} */ index, follow = false) {
  for (const button of list.querySelectorAll("button")) {
    const on = Number(button.dataset.line) === index;
    button.classList.toggle("active", on);
    if (on) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
    if (on && follow) scrollTo(button);
  }
}

/** Scroll the list alone, never the window. */
function scrollTo(/** @type {HTMLElement} */ button) {
  const [own, all] = [button.getBoundingClientRect(), list.getBoundingClientRect()];
  if (own.top < all.top) list.scrollTop += own.top - all.top - 12;
  else if (own.bottom > all.bottom) list.scrollTop += own.bottom - all.bottom + 12;
}

/** Dim the lines that are less sure than this. */
export function dim(/** @type {Page} */ page, /** @type {number} */ least) {
  const buttons = list.querySelectorAll("button");
  linesOf(page).forEach(({ confidence }, index) =>
    buttons[index].classList.toggle("dim", confidence < least),
  );
}

/**
 * Show a line cut out of the picture and turned upright, and its words.
 * @param {Line | undefined} line
 * @param {HTMLCanvasElement} picture
 */
export function describe(line, picture) {
  card.classList.toggle("empty", !line);
  if (!line) return;
  const canvas = /** @type {HTMLCanvasElement} */ ($("cut"));
  cutOut(picture, line, canvas);
  canvas.setAttribute("aria-label", `The line cut out of the picture: ${line.text}`);
  $("line-text").textContent = line.text;
  const turn = Math.round(10 * (line.orientation + line.slant)) / 10;
  $("line-facts").textContent = `${percent(line.confidence)} sure · lies at ${turn}°`;
  const words = line.words.map(({ text, confidence }) =>
    make("li", { class: level(confidence) }, text, " ", make("small", {}, percent(confidence))),
  );
  $("line-words").replaceChildren(...words);
  $("line-words").hidden = !words.length;
}

/** The text of the lines that are sure enough, with an empty line between regions. */
export function plainText(/** @type {Page} */ page, /** @type {number} */ least) {
  return page.regions
    .map(({ lines }) =>
      lines
        .filter(({ confidence }) => confidence >= least)
        .map(({ text }) => text)
        .join("\n"),
    )
    .filter((text) => text)
    .join("\n\n");
}
