/** The slider and the buttons that turn the picture. */

import { $ } from "./dom.js";

/**
 * Listen for turns, in degrees counter-clockwise from -180 to 180.
 * @param {(degrees: number, eased: boolean) => void} turn `eased` if it is a step to move gently.
 */
export function onTurn(turn) {
  const slider = /** @type {HTMLInputElement} */ ($("turn"));
  /** To the next quarter turn; through 180 degrees the picture goes on the same way. */
  const quarter = (/** @type {1 | -1} */ way) => {
    const from = Number(slider.value) / 90;
    const next = 90 * (way > 0 ? Math.floor(from) + 1 : Math.ceil(from) - 1);
    const wrapped = next > 180 ? next - 360 : next < -180 ? next + 360 : next;
    turn(wrapped, wrapped === next);
  };
  slider.addEventListener("input", () => turn(Number(slider.value), false));
  $("turn-left").addEventListener("click", () => quarter(1));
  $("turn-right").addEventListener("click", () => quarter(-1));
  $("turn-back").addEventListener("click", () => turn(0, true));
}

/** Show a turn. */
export function show(/** @type {number} */ degrees) {
  $("turn").value = String(degrees);
  $("turn").setAttribute("aria-valuetext", `${degrees} degrees counter-clockwise`);
  $("turn-value").textContent = `${degrees}°`;
}
