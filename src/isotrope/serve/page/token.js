/** Asks for the token of a server that wants one. */

import { $ } from "./dom.js";

/** @returns {Promise<string | null>} What was entered; null if the dialog was closed. */
export function ask() {
  const dialog = /** @type {HTMLDialogElement} */ ($("token"));
  const input = /** @type {HTMLInputElement} */ ($("token-value"));
  $("token-wrong").hidden = !sessionStorage.getItem("isotrope-token");
  input.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener(
      "close",
      () => resolve(dialog.returnValue === "ok" && input.value ? input.value : null),
      { once: true },
    ),
  );
}
