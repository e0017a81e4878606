/** Documents in every format of the server, and the text on the clipboard. */

import * as api from "./api.js";
import { $, make, say } from "./dom.js";
import { least } from "./settings.js";
import { png, turned } from "./turn.js";

/** @typedef {import("./sheets.js").Sheet} Sheet */

const LABELS = {
  text: "Text",
  md: "Markdown",
  tsv: "TSV",
  json: "JSON",
  jsonl: "JSON Lines",
  hocr: "hOCR",
  alto: "ALTO",
  page: "PAGE",
  pdf: "Searchable PDF",
};

const JSON_FORMAT = { name: "json", suffix: ".json", media_type: "application/json" };

/**
 * Offer a button for each format, and JSON, which the API speaks anyway.
 * @param {import("./api.js").Format[]} formats
 * @param {() => Sheet | null} current
 */
export function offer(formats, current) {
  const others = formats.filter(({ name }) => name !== "json");
  const buttons = [...others, JSON_FORMAT].map((format) => make("li", {}, button(format, current)));
  $("downloads").replaceChildren(...buttons);
}

function button(format, current) {
  const label = LABELS[format.name] ?? format.name;
  const element = make("button", { type: "button", "data-format": format.name }, label);
  element.addEventListener("click", async () => {
    const sheet = current();
    if (!sheet) return;
    say(`${label}: writing …`);
    try {
      await download(sheet, format);
      say(`${label} downloaded`);
    } catch (error) {
      say(`${label}: ${/** @type {Error} */ (error).message}`);
    }
  });
  return element;
}

/** The whole file as it is, or the page as it is turned on the screen. */
async function download(sheet, format) {
  const { file, fields } = sheet.item;
  const stem = file.name.replace(/\.[^.]*$/, "");
  const { degrees } = sheet;
  const blob = degrees ? await png(turned(await sheet.pixels(), degrees)) : file;
  const name = degrees ? `${stem}.png` : file.name;
  const limits = { min_confidence: least() ? String(least()) : "" };
  save(await api.write(blob, name, { ...fields, ...limits }, format.name), stem + format.suffix);
}

function save(/** @type {Blob} */ blob, /** @type {string} */ name) {
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** Copy a text, also where the clipboard is closed to pages, as on plain HTTP. */
export async function copy(/** @type {string} */ text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { class: "offscreen", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say("Text copied");
}
