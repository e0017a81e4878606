/** Shapes of lines: their direction, and the upright box around them. */

/** @typedef {import("./api.js").Line} Line @typedef {import("./api.js").Point} Point */

/**
 * The box around a line, along its baseline.
 * @param {Line} line
 * @returns {{ left: number, top: number, width: number, height: number, angle: number }}
 *   In coordinates turned by `angle`, in radians clockwise from x to the text's direction.
 */
export function lineBox({ baseline, polygon }) {
  const [[x0, y0], [x1, y1]] = [baseline[0], baseline[baseline.length - 1]];
  const angle = Math.atan2(y1 - y0, x1 - x0);
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const along = polygon.map(([x, y]) => x * c + y * s);
  const down = polygon.map(([x, y]) => y * c - x * s);
  const [left, top] = [Math.min(...along), Math.min(...down)];
  const [width, height] = [Math.max(...along) - left, Math.max(...down) - top];
  return { left, top, width, height, angle };
}

/** The corners of an arrow head that goes on from the end of a baseline. @returns {Point[]} */
export function arrowHead(/** @type {Point[]} */ baseline, /** @type {number} */ size) {
  const [[x0, y0], [x1, y1]] = baseline.slice(-2);
  const angle = Math.atan2(y1 - y0, x1 - x0);
  const [c, s] = [size * Math.cos(angle), size * Math.sin(angle)];
  const corners = [
    [x1 + c, y1 + s],
    [x1 - s / 2, y1 + c / 2],
    [x1 + s / 2, y1 - c / 2],
  ];
  return /** @type {Point[]} */ (corners);
}

/** Points as the attribute of a polygon. */
export function path(/** @type {Point[]} */ points) {
  return points.map((point) => point.join(",")).join(" ");
}

/**
 * Cut a line out of its picture and turn it upright.
 * @param {HTMLCanvasElement} picture
 * @param {Line} line
 * @param {HTMLCanvasElement} canvas Is drawn on, and sized to the line.
 */
export function cutOut(picture, line, canvas) {
  const { left, top, width, height, angle } = lineBox(line);
  const edge = 0.15 * height;
  canvas.width = Math.ceil(width + 2 * edge);
  canvas.height = Math.ceil(height + 2 * edge);
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.translate(edge - left, edge - top);
  pen.rotate(-angle);
  pen.drawImage(picture, 0, 0);
}
