/** The list of files and pages, with their progress and errors in place. */

import { $, count, make } from "./dom.js";

/** @typedef {import("./sheets.js").Item} Item @typedef {import("./sheets.js").Sheet} Sheet */

const shown = new WeakMap(); // the file of each row

/**
 * Rows that stay as they are stay in place, or a click that has begun on one would be lost.
 *
 * @param {Item[]} items
 * @param {Sheet | null} current
 * @param {{ open: (sheet: Sheet) => void, again: (item: Item) => void, remove: (item: Item) => void }} on
 */
export function show(items, current, on) {
  const held = /** @type {HTMLElement | null} */ (document.activeElement);
  const key = held?.closest("#files") ? held.dataset.key : null;
  const list = $("files");
  items.forEach((item, index) => {
    const made = row(item, index, current, on);
    const old = list.children[index];
    if (shown.get(old) === item && old.isEqualNode(made)) return;
    shown.set(made, item);
    if (old) old.replaceWith(made);
    else list.append(made);
  });
  while (list.children.length > items.length) list.lastElementChild.remove();
  const done = items.filter(({ state }) => state === "done" || state === "error").length;
  const bar = $("progress");
  bar.hidden = done === items.length;
  bar.max = items.length;
  bar.value = done;
  $("files-count").textContent =
    done === items.length
      ? count(items.length, "file")
      : `${done} of ${count(items.length, "file")}`;
  if (key)
    /** @type {HTMLElement | null} */ (list.querySelector(`[data-key="${key}"]`))?.focus();
}

function row(item, index, current, on) {
  const { file, state, sheets } = item;
  const [first] = sheets;
  const open = make(
    "button",
    {
      type: "button",
      class: "file",
      "data-key": `open-${index}`,
      disabled: !first,
      "aria-current": first && sheets.length === 1 && first === current ? "true" : null,
    },
    make("span", { class: "name", title: file.name }, file.name),
    make("span", { class: `state ${state}` }, words(item)),
  );
  open.addEventListener("click", () => on.open(item.sheets[0]));
  return make(
    "li",
    {},
    open,
    tool("Remove", "×", `remove-${index}`, file.name, () => on.remove(item)),
    item.error ? make("p", { class: "error" }, item.error, " ", again(item, index, on)) : null,
    sheets.length > 1 ? pages(item, index, current, on) : null,
  );
}

function words({ state, lines, sheets, done, adapters }) {
  if (state === "done") {
    const read = [lines ? count(lines, "line") : "no text", ...adapters].join(", ");
    return sheets.length > 1 ? `${count(sheets.length, "page")}, ${read}` : read;
  }
  const reading = done ? `${count(done, "page")} read …` : "reading …";
  return { waiting: "waiting", reading, error: "not read" }[state];
}

function tool(name, sign, key, file, act) {
  const label = `${name} ${file}`;
  const button = make(
    "button",
    { type: "button", class: "tool", "aria-label": label, title: name, "data-key": key },
    sign,
  );
  button.addEventListener("click", act);
  return button;
}

function again(item, index, on) {
  const button = make(
    "button",
    { type: "button", class: "link", "data-key": `again-${index}` },
    "Try again",
  );
  button.addEventListener("click", () => on.again(item));
  return button;
}

function pages(item, index, current, on) {
  const buttons = item.sheets.map((sheet, place) => {
    const button = make(
      "button",
      {
        type: "button",
        "data-key": `page-${index}-${place}`,
        "aria-label": `Page ${sheet.number} of ${item.file.name}`,
        "aria-current": sheet === current ? "true" : null,
      },
      String(sheet.number),
    );
    button.addEventListener("click", () => on.open(item.sheets[place]));
    return make("li", {}, button);
  });
  return make("ol", { class: "pages" }, ...buttons);
}
