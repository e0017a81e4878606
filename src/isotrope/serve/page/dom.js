/** Making and finding elements. */

/** @param {string} id */
export const $ = (id) => /** @type {any} */ (document.getElementById(id));

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element of HTML: `make("p", { class: "soft" }, "text")`.
 * @param {string} tag
 * @param {Record<string, any>} [attributes] false and null leave one out; true is an empty one.
 * @param {...(Node | string | null)} children
 */
export function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Make an element of SVG: see `make`. */
export function draw(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const SHOWN = 10_000; // milliseconds of a message
const LEAST = 2_000; // before the next one may take its place
const MOST = 3; // that wait for their turn; older ones are dropped

const waiting = /** @type {string[]} */ ([]);
let due = 0; // when the message that is shown may be replaced
let timer = 0;

/** Show a message in the header for a while, and announce it. */
export function say(/** @type {string} */ message) {
  waiting.push(message);
  waiting.splice(0, Math.max(0, waiting.length - MOST));
  clearTimeout(timer);
  timer = setTimeout(next, due - performance.now());
}

/** Show the message that waits, or none. */
function next() {
  const message = waiting.shift();
  $("status").textContent = message ?? "";
  if (message === undefined) return;
  due = performance.now() + LEAST;
  timer = setTimeout(next, waiting.length ? LEAST : SHOWN);
}

/** "1 line", "2 lines". */
export function count(/** @type {number} */ number, /** @type {string} */ noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
