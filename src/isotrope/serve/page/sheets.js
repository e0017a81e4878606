/** Files, their sheets (pages), and the readings of each sheet at its turns. */

import * as api from "./api.js";
import { isPdf } from "./intake.js";
import { Queue } from "./queue.js";
import { around, decoded, plainPng, png, sheet as white, turned } from "./turn.js";

/** @typedef {import("./api.js").Page} Page */

const queue = new Queue(2);

/** A page of a file. */
export class Sheet {
  /** @type {Map<number, any>} What the server answered, by degrees counter-clockwise. */
  readings = new Map();
  /** The turn in which it is shown, in degrees counter-clockwise. */
  degrees = 0;
  /** Whether the reading at 0 degrees is of the pixels that the browser turns. */
  exact = false;
  #pixels = /** @type {WeakRef<HTMLCanvasElement> | null} */ (null);

  constructor(/** @type {Item} */ item, /** @type {number} */ number) {
    this.item = item;
    this.number = number;
  }

  /** Its picture at 0 degrees, decoded by the browser if it can, or else by the server. */
  async pixels() {
    let pixels = this.#pixels?.deref();
    if (!pixels) {
      pixels = await this.#picture();
      this.#pixels = new WeakRef(pixels);
    }
    return pixels;
  }

  async #picture() {
    const { file, many } = this.item;
    if (!many) {
      try {
        return await decoded(file);
      } catch {
        // A format that only the server knows.
      }
    }
    const { png } = await queue.add(() => api.picture(file, file.name, this.number), true);
    this.exact = true;
    return decoded(png);
  }

  /**
   * Its reading at a turn.
   * @param {number} degrees
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>}
   */
  async read(degrees, signal) {
    const turn = around(degrees);
    const known = this.readings.get(turn);
    if (known) return known;
    const { file, fields } = this.item;
    const blob = await png(turned(await this.pixels(), turn));
    const name = file.name.replace(/\.[^.]*$/, "") + ".png";
    const { pages } = await queue.add(() => api.read(blob, name, fields, signal), true);
    if (fields === this.item.fields) this.readings.set(turn, pages[0]);
    return pages[0];
  }

  /** The reading at 0 degrees of the very pixels that are turned, so that the turns compare. */
  async reference(/** @type {AbortSignal | undefined} */ signal) {
    if (!this.exact && !this.item.many && (await plainPng(this.item.file))) this.exact = true;
    if (!this.exact) {
      const before = this.readings.get(0);
      this.readings.delete(0);
      try {
        await this.read(0, signal);
        this.exact = true;
      } finally {
        if (!this.readings.has(0)) this.readings.set(0, before);
      }
    }
    return this.readings.get(0);
  }
}

/** A file. */
export class Item {
  state = /** @type {"waiting" | "reading" | "done" | "error"} */ ("waiting");
  error = "";
  /** @type {Sheet[]} */
  sheets = [];
  /** @type {Record<string, string>} The settings with which it is read. */
  fields = {};
  #abort = new AbortController();

  constructor(/** @type {File} */ file) {
    this.file = file;
    this.many = isPdf(file) || /\.tiff?$/i.test(file.name) || file.type === "image/tiff";
  }

  /**
   * Read it, after the files before it.
   * @param {Record<string, string>} fields
   * @param {(sheet?: Sheet) => void} changed Is called whenever its state changes or a sheet is read.
   * @param {boolean} [first] Whether it goes before the others.
   */
  async read(fields, changed, first = false) {
    this.stop();
    const { signal } = (this.#abort = new AbortController());
    this.fields = fields;
    for (const sheet of this.sheets) sheet.readings.clear();
    const set = (state, error = "") => {
      if (signal.aborted) return;
      Object.assign(this, { state, error });
      changed();
    };
    const job = (work, next = false) =>
      queue.add(async () => {
        signal.throwIfAborted();
        if (this.state === "waiting") set("reading");
        return work();
      }, first || next);
    const keep = (page, number) => {
      signal.throwIfAborted();
      changed(this.#keep(page, number));
    };
    set("waiting");
    try {
      set(
        "done",
        await (this.many ? this.#pages(job, keep, signal) : this.#whole(job, keep, signal)),
      );
    } catch (error) {
      set("error", /** @type {Error} */ (error).message);
    }
  }

  /** Read it in one request; what could not be read of it. */
  async #whole(job, keep, signal) {
    const { pages, error } = await job(() =>
      api.read(this.file, this.file.name, this.fields, signal),
    );
    pages.forEach((page, index) => keep(page, page.number ?? index + 1));
    return error ?? "";
  }

  /** Read its pages one at a time, so that the first is there soon and no request takes long. */
  async #pages(job, keep, signal) {
    const { file, fields } = this;
    const problems = /** @type {{ number: number, message: string }[]} */ ([]);
    // The number of pages is known once one is drawn; two may fail before that.
    for (let number = 1, count = 2; number <= count; number++) {
      try {
        await job(async () => {
          const drawn = await api.picture(file, file.name, number, signal);
          count = drawn.count;
          const { pages } = await api.read(drawn.png, `${number}.png`, fields, signal);
          keep(pages[0], number);
        }, number > 1);
      } catch (error) {
        const { status, message } = /** @type {api.ApiError} */ (error);
        if (status === 404 && problems.length) break;
        if (status !== 422) throw error;
        problems.push({ number, message });
      }
    }
    if (!this.sheets.length) throw new Error(problems[0].message);
    return problems.map(({ number, message }) => `page ${number}: ${message}`).join("; ");
  }

  /** Keep a reading; a sheet that is there already keeps its picture and its turn. */
  #keep(/** @type {any} */ page, /** @type {number} */ number) {
    let sheet = this.sheets.find((known) => known.number === number);
    if (!sheet) this.sheets.push((sheet = new Sheet(this, number)));
    sheet.readings = new Map([[0, page]]);
    sheet.exact = this.many;
    return sheet;
  }

  stop() {
    this.#abort.abort();
  }

  /** How many sheets were read. */
  get done() {
    return this.sheets.filter(({ readings }) => readings.has(0)).length;
  }

  /** How many lines were read. */
  get lines() {
    const lines = (page) =>
      page?.regions?.reduce((sum, { lines }) => sum + lines.length, 0) ?? (page?.text ? 1 : 0);
    return this.sheets.reduce((sum, { readings }) => sum + lines(readings.get(0)), 0);
  }

  /** The adapters that pages were read with, each once. */
  get adapters() {
    const names = this.sheets.map(({ readings }) => readings.get(0)?.adapter);
    return [...new Set(names.filter(Boolean))];
  }
}

/**
 * The page of an answer; a crop's reading is a page of one line, as large as its picture.
 * @param {any} answer
 * @param {{ width: number, height: number }} picture
 * @returns {Page}
 */
export function pageOf(answer, { width, height }) {
  if (answer.regions) return answer;
  const { text, confidence, orientation, slant, scores, adapter } = answer;
  /** @type {import("./api.js").Point[]} */
  const corners = [
    [0, 0],
    [width, 0],
    [width, height],
    [0, height],
  ];
  const start = [0, 3, 2, 1][orientation / 90]; // where the text's top left is
  const polygon = [0, 1, 2, 3].map((step) => corners[(start + step) % 4]);
  const baseline = [polygon[3], polygon[2]];
  const line = { text, confidence, orientation, slant, polygon, baseline, words: [] };
  const region = { lines: text ? [line] : [], polygon, orientation, kind: "text" };
  return { width, height, regions: [region], orientation, slant, scores, adapter };
}

/** A white picture of a page's size. */
export const blank = (/** @type {Page} */ page) => white(page.width, page.height);
