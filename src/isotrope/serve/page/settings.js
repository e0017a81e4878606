/** How files are read: engine, adapter, detector, pages or lines; and the least confidence shown. */

import { $, make } from "./dom.js";

const NAMES = ["engine", "adapter", "detector"];

/**
 * Fill the lists with what the server offers.
 * @param {import("./api.js").Options} options
 */
export function offer({ engines, adapters_of: adapters, detectors, defaults }) {
  fill("engine", engines, defaults.engine);
  fill("detector", detectors, defaults.detector);
  const adapt = () => {
    const own = adapters[$("engine").value] ?? [];
    const usual = $("engine").value === defaults.engine ? defaults.adapter : null;
    fill("adapter", ["none", ...own], usual ?? "none");
    $("adapter").disabled = !own.length;
  };
  adapt();
  $("engine").addEventListener("change", adapt);
}

function fill(
  /** @type {string} */ name,
  /** @type {string[]} */ offered,
  /** @type {string} */ chosen,
) {
  const options = offered.map((value) =>
    make("option", { value, selected: value === chosen }, value),
  );
  $(name).replaceChildren(...options);
}

/** Whether pictures are single lines or words. */
export const crops = () => $("crops").checked;

/** The form fields of a request; empty ones are the server's own choice. */
export function fields() {
  const chosen = Object.fromEntries(NAMES.map((name) => [name, $(name).value]));
  return { ...chosen, crops: crops() ? "true" : "" };
}

/** The confidence below which lines are dimmed, and left out of copies and downloads. */
export const least = () => Number($("least").value) / 100;

/**
 * @param {() => void} reread Is called when files have to be read anew.
 * @param {() => void} dimmed Is called when the least confidence changes.
 */
export function onChange(reread, dimmed) {
  $("settings").addEventListener("change", (event) => event.target.id !== "least" && reread());
  $("settings").addEventListener("submit", (event) => event.preventDefault());
  $("least").addEventListener("input", () => {
    $("least-value").textContent = `${$("least").value} %`;
    dimmed();
  });
}
