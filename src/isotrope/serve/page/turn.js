/**
 * Pixels of a page and their turns. Degrees are counter-clockwise; by quarter turns everything is
 * exact, pixels and points.
 */

/** @typedef {import("./api.js").Page} Page */

const UNSURE = ["iCCP", "gAMA", "cHRM", "cICP", "tRNS", "eXIf"];

/** Degrees in [0, 360). */
export function around(/** @type {number} */ degrees) {
  return ((degrees % 360) + 360) % 360;
}

/** An image file as pixels on white; rejects if the browser does not know its format. */
export async function decoded(/** @type {Blob} */ blob) {
  const bitmap = await createImageBitmap(blob);
  const canvas = sheet(bitmap.width, bitmap.height);
  context(canvas).drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas;
}

/** A white sheet. */
export function sheet(width, height, fill = "white") {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pen = context(canvas);
  pen.fillStyle = fill;
  pen.fillRect(0, 0, width, height);
  return canvas;
}

/** Width and height of the box around a picture that is turned. */
export function turnedSize(width, height, degrees) {
  if (degrees % 180 === 0) return [width, height];
  if (degrees % 90 === 0) return [height, width];
  const angle = (degrees * Math.PI) / 180;
  const [c, s] = [Math.abs(Math.cos(angle)), Math.abs(Math.sin(angle))];
  return [Math.ceil(c * width + s * height), Math.ceil(s * width + c * height)];
}

/**
 * A picture turned counter-clockwise: the same pixels in other places by quarter turns, and
 * resampled on a ground of its border's color by other angles.
 * @param {HTMLCanvasElement} picture
 */
export function turned(picture, degrees) {
  if (degrees % 360 === 0) return picture;
  const [width, height] = turnedSize(picture.width, picture.height, degrees);
  if (degrees % 90 === 0) return quarter(picture, around(degrees) / 90, width, height);
  const canvas = sheet(width, height, border(picture));
  const pen = context(canvas);
  pen.imageSmoothingQuality = "high";
  pen.translate(width / 2, height / 2);
  pen.rotate((-degrees * Math.PI) / 180);
  pen.drawImage(picture, -picture.width / 2, -picture.height / 2);
  return canvas;
}

/** Move pixels one by one, since drawing promises no exact copy. */
function quarter(picture, quarters, width, height) {
  const from = context(picture).getImageData(0, 0, picture.width, picture.height);
  const to = new ImageData(width, height);
  const [old, fresh] = [new Uint32Array(from.data.buffer), new Uint32Array(to.data.buffer)];
  const wide = picture.width;
  // Where the pixel at (0, 0) comes from, and the steps there by a step right and down here.
  const [start, right, down] = [
    [0, 1, wide],
    [wide - 1, wide, -1],
    [old.length - 1, -1, -wide],
    [old.length - wide, -wide, 1],
  ][quarters];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0, place = start + y * down; x < width; x++, place += right) {
      fresh[at++] = old[place];
    }
  }
  const canvas = sheet(width, height);
  context(canvas).putImageData(to, 0, 0);
  return canvas;
}

/** The median color of a picture's border, as CSS. */
function border(/** @type {HTMLCanvasElement} */ picture) {
  const side = 48;
  const small = sheet(side, side);
  context(small).drawImage(picture, 0, 0, side, side);
  const { data } = context(small).getImageData(0, 0, side, side);
  const edge = [...Array(side).keys()].flatMap((i) => [
    i,
    side * (side - 1) + i,
    side * i,
    side * i + side - 1,
  ]);
  const middle = (channel) =>
    edge.map((at) => data[4 * at + channel]).sort((a, b) => a - b)[edge.length / 2];
  return `rgb(${middle(0)} ${middle(1)} ${middle(2)})`;
}

/** A picture as a PNG file. @returns {Promise<Blob>} */
export function png(/** @type {HTMLCanvasElement} */ picture) {
  return new Promise((resolve, reject) =>
    picture.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("Too large"))), "image/png"),
  );
}

/**
 * Whether a file is a PNG whose pixels a browser and the server see as the same numbers: opaque,
 * eight bits, and without a color profile.
 */
export async function plainPng(/** @type {Blob} */ file) {
  const data = new DataView(await file.slice(0, 4096).arrayBuffer());
  if (data.byteLength < 33 || data.getUint32(0) !== 0x89504e47) return false;
  const [bits, kind] = [data.getUint8(24), data.getUint8(25)];
  if (bits > 8 || ![0, 2, 3].includes(kind)) return false;
  for (let at = 8; at + 8 <= data.byteLength; at += 12 + data.getUint32(at)) {
    const name = String.fromCharCode(...[4, 5, 6, 7].map((i) => data.getUint8(at + i)));
    if (name === "IDAT") return true;
    if (UNSURE.includes(name)) return false;
  }
  return false;
}

/**
 * The page of a picture that is turned by quarters: `Page.turned` of the library.
 * @param {Page} page
 * @returns {Page}
 */
export function turnedPage(page, degrees) {
  const place = {
    0: ([x, y]) => [x, y],
    90: ([x, y]) => [y, page.width - x],
    180: ([x, y]) => [page.width - x, page.height - y],
    270: ([x, y]) => [page.height - y, x],
  }[around(degrees)];
  const points = (of) => of.map(place);
  const lying = (of) => ({
    ...of,
    polygon: points(of.polygon),
    orientation: (of.orientation + around(degrees)) % 360,
  });
  const line = (of) => ({
    ...lying(of),
    baseline: points(of.baseline),
    words: of.words.map((word) => ({ ...word, polygon: points(word.polygon) })),
  });
  const [width, height] = turnedSize(page.width, page.height, degrees);
  return {
    ...page,
    width,
    height,
    regions: page.regions.map((region) => ({ ...lying(region), lines: region.lines.map(line) })),
    orientation: page.regions.length ? (page.orientation + around(degrees)) % 360 : 0,
  };
}

function context(/** @type {HTMLCanvasElement} */ canvas) {
  const options = { willReadFrequently: true };
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", options));
}
