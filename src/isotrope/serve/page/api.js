/** The server's API: what it offers, readings, pictures of pages, documents. */

/**
 * @typedef {[number, number]} Point
 * @typedef {{ text: string, confidence: number, polygon: Point[] }} Word
 * @typedef {{ text: string, confidence: number, orientation: number, slant: number,
 *   polygon: Point[], baseline: Point[], words: Word[] }} Line
 * @typedef {{ lines: Line[], polygon: Point[], orientation: number, kind: string }} Region
 * @typedef {{ width: number, height: number, regions: Region[], orientation: number,
 *   slant: number, adapter?: string | null, scores?: Record<string, number> }} Page
 * @typedef {{ name: string, suffix: string, media_type: string }} Format
 * @typedef {{ engines: string[], adapters_of: Record<string, string[]>, detectors: string[],
 *   defaults: { engine: string, adapter: string | null, detector: string },
 *   formats: Format[], crop_formats: Format[], limits: { bytes: number } }} Options
 * @typedef {{ name: string, pages: any[], error: string | null }} FileResult
 */

const TOKEN = "isotrope-token";
const PATIENCE = 20; // how often a busy server is asked again

/** A request that failed; the message is the server's. */
export class ApiError extends Error {
  constructor(/** @type {number} */ status, /** @type {string} */ message) {
    super(message);
    this.status = status;
  }
}

/** Asks a person for the token, and resolves to it; set by the page. */
let askToken = async () => /** @type {string | null} */ (null);
export function onToken(/** @type {() => Promise<string | null>} */ ask) {
  askToken = ask;
}

/** Called with the seconds until a busy server is asked again; set by the page. */
let waiting = (/** @type {number} */ _seconds) => {};
export function onWait(/** @type {(seconds: number) => void} */ show) {
  waiting = show;
}

let most = Infinity; // bytes that the server takes at once

/** @returns {Promise<Options>} */
export async function options() {
  const offered = await (await send("v1/options")).json();
  most = offered.limits.bytes;
  return offered;
}

/**
 * Read a file.
 * @param {Blob} blob
 * @param {string} name
 * @param {Record<string, string>} fields Of `POST /v1/read`; empty ones are left out.
 * @param {AbortSignal} [signal]
 * @returns {Promise<FileResult>} Its pages, and what could not be read of it.
 */
export async function read(blob, name, fields, signal) {
  const answer = await post("v1/read", blob, name, fields, signal);
  /** @type {{ files: FileResult[] }} */
  const { files } = await answer.json();
  const [file] = files;
  if (file.error && !file.pages.length) throw new ApiError(answer.status, file.error);
  return file;
}

/** Read a file and write it in a format; the document. */
export async function write(blob, name, fields, format) {
  return (await post("v1/read", blob, name, { ...fields, format })).blob();
}

/**
 * The picture of a page of a file that browsers do not show.
 * @param {Blob} blob
 * @param {string} name
 * @param {number} page Its number, from 1.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ png: Blob, count: number }>} With the number of pages of the file.
 */
export async function picture(blob, name, page, signal) {
  const answer = await post("v1/picture", blob, name, { page }, signal);
  return { png: await answer.blob(), count: Number(answer.headers.get("Page-Count")) || 1 };
}

function post(path, blob, name, fields, signal) {
  if (blob.size > most) {
    const [size, limit] = [blob.size, most].map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`);
    throw new ApiError(413, `${size} are too much; this server takes at most ${limit} at once`);
  }
  const body = new FormData();
  for (const [key, value] of Object.entries(fields)) if (value) body.append(key, String(value));
  body.append("file", blob, name);
  return send(path, { method: "POST", body, signal });
}

/** One request; asked again with a token (401), or when a busy server says so (429, 503). */
async function send(path, request = {}) {
  for (let attempt = 0; ; attempt++) {
    const token = sessionStorage.getItem(TOKEN);
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const answer = await reached(path, { ...request, headers });
    if (answer.ok) return answer;
    if (answer.status === 401) {
      await newToken(token);
    } else if ([429, 503].includes(answer.status) && attempt < PATIENCE) {
      const seconds = Number(answer.headers.get("Retry-After")) || 1;
      waiting(seconds);
      await pause(1000 * seconds, request.signal);
    } else {
      throw new ApiError(answer.status, await reason(answer));
    }
  }
}

async function reached(path, request) {
  try {
    return await fetch(path, request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "The server does not answer; check that isotrope serve is running.");
  }
}

/** Ask for a token, once for all requests that were refused, unless another is known by now. */
let asked = /** @type {Promise<string | null> | null} */ (null);
async function newToken(/** @type {string | null} */ refused) {
  if (sessionStorage.getItem(TOKEN) !== refused) return;
  asked ??= askToken().finally(() => (asked = null));
  const token = await asked;
  if (!token) throw new ApiError(401, "This server needs a token.");
  sessionStorage.setItem(TOKEN, token);
}

async function reason(/** @type {Response} */ answer) {
  try {
    return (await answer.json()).error;
  } catch {
    return `The server answered ${answer.status} ${answer.statusText}`.trim();
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
