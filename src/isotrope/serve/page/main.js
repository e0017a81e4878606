/** The page of `isotrope serve`: its state, and what happens when. */

import * as api from "./api.js";
import { linesOf, sameLines } from "./compare.js";
import { $, count, say } from "./dom.js";
import * as downloads from "./downloads.js";
import * as filelist from "./filelist.js";
import * as four from "./four.js";
import { listen, seemsReadable } from "./intake.js";
import * as scores from "./scores.js";
import * as settings from "./settings.js";
import { Item, blank, pageOf } from "./sheets.js";
import * as stage from "./stage.js";
import * as text from "./text.js";
import * as token from "./token.js";
import { decoded, turned } from "./turn.js";
import * as turner from "./turner.js";

/** @typedef {import("./sheets.js").Sheet} Sheet @typedef {import("./api.js").Page} Page */

const SETTLED = 350; // milliseconds after the last move of the slider

let items = /** @type {Item[]} */ ([]);
let current = /** @type {Sheet | null} */ (null);
/** What is on the screen of the current sheet. */
let view = { page: /** @type {Page | null} */ (null), picture: document.createElement("canvas") };
let work = new AbortController(); // what is done for the current view; aborted by the next
let timer = 0;

/** Take files into the list and read them. */
function take(/** @type {File[]} */ files) {
  const readable = files.filter(seemsReadable);
  const skipped = files.length - readable.length;
  if (skipped) say(`${count(skipped, "file")} skipped: neither an image nor a PDF`);
  const fresh = readable.map((file) => new Item(file));
  if (!fresh.length) return;
  items.push(...fresh);
  document.body.classList.add("working");
  offer();
  if (items.length === fresh.length) announce(fresh[0]);
  for (const item of fresh) read(item);
}

/** Show the picture of a file before it is read, if the browser can. */
async function announce(/** @type {Item} */ item) {
  clear();
  verdict("", "Reading …");
  const picture = item.many ? null : await decoded(item.file).catch(() => null);
  if (picture && !current && items.includes(item)) stage.showPicture(picture);
}

/** Read a file, and show it if nothing is shown yet. */
async function read(/** @type {Item} */ item, first = false) {
  await item.read(
    settings.fields(),
    (sheet) => {
      if (!items.includes(item)) return;
      list();
      if (sheet && (!current || sheet === current)) open(sheet);
    },
    first,
  );
  if (item.error) say(`${item.file.name}: ${item.error}`);
}

/** Read everything anew, the file that is shown first. */
function reread() {
  say("Reading anew …");
  for (const item of items) if (item !== current?.item) read(item);
  if (current) read(current.item, true);
}

function remove(/** @type {Item} */ item) {
  item.stop();
  items = items.filter((other) => other !== item);
  if (current?.item === item) {
    const next = items.find(({ sheets }) => sheets.length);
    if (next) open(next.sheets[0]);
    else clear();
  }
  document.body.classList.toggle("working", items.length > 0);
  list();
  $(items.length ? "add" : "open-files").focus();
}

/** Show no sheet. */
function clear() {
  work.abort();
  current = null;
  view = { page: null, picture: document.createElement("canvas") };
  $("sheet-name").textContent = "Picture";
  $("stage").classList.remove("busy");
  stage.showPicture(null);
  text.show(null);
  scores.show(undefined);
  verdict("", "");
  turner.show(0);
  activate(-1);
}

let listed = 0;
/** Bring the list up to date, at most once a frame. */
function list() {
  listed ||= requestAnimationFrame(() => {
    listed = 0;
    filelist.show(items, current, { open, again: (item) => read(item, true), remove });
  });
}

/** Show a sheet, as it was turned last. */
async function open(/** @type {Sheet | null} */ sheet) {
  if (!sheet) return;
  const other = sheet !== current;
  current = sheet;
  list();
  if (other) activate(-1);
  $("sheet-name").textContent =
    sheet.item.sheets.length > 1
      ? `${sheet.item.file.name}, page ${sheet.number}`
      : sheet.item.file.name;
  turner.show(sheet.degrees);
  const settled = await settle(); // in both views, since the text is beside both
  if (settled && $("view-four").checked) await showFour();
}

/**
 * Show the current sheet at its turn, reading it if it was not read so.
 * @returns {Promise<boolean>} Whether that was done before something else was to be shown.
 */
async function settle() {
  clearTimeout(timer);
  work.abort();
  const { signal } = (work = new AbortController());
  const sheet = current;
  if (!sheet) return false;
  const { degrees } = sheet;
  $("stage").classList.add("busy");
  try {
    const own = await picture(sheet);
    if (signal.aborted) return false;
    const answer = await sheet.read(degrees, signal);
    if (signal.aborted) return false;
    render(sheet, turned(own, degrees), own, answer);
    if (degrees) await compare(sheet, own, signal);
  } catch (error) {
    if (signal.aborted) return false;
    verdict("no", /** @type {Error} */ (error).message);
  } finally {
    if (!signal.aborted) $("stage").classList.remove("busy");
  }
  return !signal.aborted;
}

/** The picture of a sheet; a white one if there is none, so that the lines can be seen. */
async function picture(/** @type {Sheet} */ sheet) {
  try {
    return await sheet.pixels();
  } catch (error) {
    say(`No picture: ${/** @type {Error} */ (error).message}`);
    const answer = sheet.readings.get(0);
    return blank(answer?.width ? answer : { width: 800, height: 600 });
  }
}

function render(sheet, lying, own, answer) {
  const page = pageOf(answer, lying);
  view = { page, picture: lying };
  stage.show(lying, page, sheet.degrees, own);
  text.show(page);
  scores.show(answer.scores);
  activate(Math.min(active, linesOf(page).length - 1));
  dim();
  if (!sheet.degrees) {
    verdict("", `${count(linesOf(page).length, "line")}. Turn the picture: the text stays.`);
  }
}

/** Say whether the text is that at 0 degrees. */
async function compare(sheet, own, signal) {
  const { page } = view;
  const first = pageOf(await sheet.reference(signal), own);
  if (signal.aborted || !page) return;
  const [before, after] = [first, page].map((of) => linesOf(of).map((line) => line.text));
  const { equal, total, kept } = sameLines(before, after);
  const yes = equal === total;
  text.show(page, kept);
  text.highlight(active);
  dim();
  const [answer, slanted] = [yes ? "yes" : "no", sheet.degrees % 90 !== 0];
  const why = slanted && !yes ? "; at this angle pixels are resampled" : "";
  verdict(
    slanted && !yes ? "" : answer,
    `Same text as at 0°: ${answer} (${equal} of ${count(total, "line")} equal${why})`,
  );
}

function verdict(/** @type {string} */ kind, /** @type {string} */ message) {
  $("verdict").className = `verdict ${kind}`;
  $("verdict").textContent = message;
}

/** The four turns of the current sheet. */
async function showFour() {
  work.abort();
  const { signal } = (work = new AbortController());
  const sheet = current;
  if (!sheet) return;
  try {
    await four.show(sheet, signal, (degrees) => {
      $("view-one").checked = true;
      sheet.degrees = degrees > 180 ? degrees - 360 : degrees;
      changeView();
    });
  } catch (error) {
    if (!signal.aborted) $("four-verdict").textContent = /** @type {Error} */ (error).message;
  }
}

function changeView() {
  document.body.classList.toggle("four", $("view-four").checked);
  open(current);
}

/** Turn the picture at once, and read it when the slider has settled. */
function turn(/** @type {number} */ degrees, /** @type {boolean} */ eased) {
  if (!current) return;
  current.degrees = degrees;
  turner.show(degrees);
  stage.preview(degrees, eased);
  verdict("", `Reading at ${degrees}° …`);
  clearTimeout(timer);
  work.abort();
  timer = setTimeout(settle, SETTLED);
}

let active = -1;
/** Show which line is meant, in the picture and in the text. */
function activate(/** @type {number} */ index, from = "") {
  active = index;
  stage.highlight(index, from === "picture");
  text.highlight(index, from === "picture");
  text.describe(view.page ? linesOf(view.page)[index] : undefined, view.picture);
}

function dim() {
  stage.dim(settings.least());
  if (view.page) text.dim(view.page, settings.least());
}

async function example() {
  const answer = await fetch("static/example.png");
  take([new File([await answer.blob()], "example.png", { type: "image/png" })]);
}

function wire() {
  api.onToken(token.ask);
  api.onWait((seconds) => say(`The server is busy; trying again in ${seconds} s …`));
  listen([$("choose-files"), $("choose-folder")], take);
  for (const [button, input] of [
    ["open-files", "choose-files"],
    ["add", "choose-files"],
    ["open-folder", "choose-folder"],
    ["add-folder", "choose-folder"],
  ]) {
    $(button).addEventListener("click", () => $(input).click());
  }
  $("example").addEventListener("click", example);
  settings.onChange(reread, dim);
  stage.onLine((index) => activate(index, "picture"));
  text.onLine((index) => activate(index, "text"));
  turner.onTurn(turn);
  $("view").addEventListener("change", changeView);
  $("copy").addEventListener(
    "click",
    () => view.page && downloads.copy(text.plainText(view.page, settings.least())),
  );
  window.addEventListener("keydown", (event) => event.key === "Escape" && activate(-1));
}

let offered = /** @type {Promise<void> | null} */ (null);
/** Offer what the server has, unless that is done. */
function offer() {
  offered ??= load().catch((error) => {
    offered = null;
    say(error.message);
  });
}

async function load() {
  const options = await api.options();
  settings.offer(options);
  const formats = () =>
    downloads.offer(settings.crops() ? options.crop_formats : options.formats, () => current);
  formats();
  $("settings").addEventListener("change", formats);
}

wire();
offer();
