/** Files from a drop, a paste or a file button. */

const KNOWN =
  /\.(png|jpe?g|webp|gif|bmp|tiff?|jp2|jpx|j2k|avif|heic|heif|pdf|pnm|pbm|pgm|ppm|pcx|dcx|tga|ico)$/i;

/** Whether a file seems to be an image or a PDF. */
export function seemsReadable(/** @type {File} */ file) {
  return file.type.startsWith("image/")
    ? !file.type.includes("svg")
    : isPdf(file) || KNOWN.test(file.name);
}

/** Whether a file seems to be a PDF. */
export function isPdf(/** @type {File} */ file) {
  return file.type === "application/pdf" || /\.pdf$/i.test(file.name);
}

/**
 * The files of a drop, with those in its folders, in the order of their paths.
 * @param {DataTransfer} drop
 * @returns {Promise<File[]>}
 */
export async function droppedFiles(drop) {
  // Entries can only be asked for before the first await.
  const entries = [...drop.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry);
  if (!entries.length) return [...drop.files];
  const files = [];
  for (const entry of entries) files.push(...(await filesOf(entry)));
  return files;
}

async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((done, failed) => entry.file(done, failed))];
  const reader = entry.createReader();
  const entries = [];
  // A folder's entries come in parts, of which the last is empty.
  for (;;) {
    const part = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!part.length) break;
    entries.push(...part);
  }
  const files = [];
  for (const inside of byName(entries)) files.push(...(await filesOf(inside)));
  return files;
}

function byName(entries) {
  const order = new Intl.Collator(undefined, { numeric: true });
  return entries.sort((a, b) => order.compare(a.name, b.name));
}

/**
 * Take files from wherever they come: dropped on the window, pasted, or chosen by inputs.
 * @param {HTMLInputElement[]} inputs
 * @param {(files: File[]) => void} take
 */
export function listen(inputs, take) {
  for (const input of inputs) {
    input.addEventListener("change", () => {
      const files = [...(input.files ?? [])];
      take(input.webkitdirectory ? byPath(files) : files);
      input.value = ""; // so that the same file can be chosen again
    });
  }
  window.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) take(files);
  });
  const over = (/** @type {boolean} */ on) => document.body.classList.toggle("dropping", on);
  window.addEventListener("dragover", (event) => {
    event.preventDefault();
    over(event.dataTransfer?.types.includes("Files") ?? false);
  });
  window.addEventListener("dragleave", (event) => !event.relatedTarget && over(false));
  window.addEventListener("drop", async (event) => {
    event.preventDefault();
    over(false);
    if (event.dataTransfer) take(await droppedFiles(event.dataTransfer));
  });
}

function byPath(/** @type {File[]} */ files) {
  const order = new Intl.Collator(undefined, { numeric: true });
  return files.sort((a, b) => order.compare(a.webkitRelativePath, b.webkitRelativePath));
}
