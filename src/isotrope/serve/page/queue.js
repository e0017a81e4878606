/** Jobs that run a few at once, in order, with a way to the front. */

export class Queue {
  #waiting = /** @type {(() => Promise<void>)[]} */ ([]);
  #running = 0;

  /** @param {number} most How many run at once. */
  constructor(most) {
    this.most = most;
  }

  /**
   * @template T
   * @param {() => Promise<T>} job
   * @param {boolean} [first] Whether it goes before those that wait.
   * @returns {Promise<T>} What the job returns.
   */
  add(job, first = false) {
    return new Promise((resolve, reject) => {
      const run = () => job().then(resolve, reject);
      if (first) this.#waiting.unshift(run);
      else this.#waiting.push(run);
      this.#next();
    });
  }

  #next() {
    if (this.#running >= this.most) return;
    const run = this.#waiting.shift();
    if (!run) return;
    this.#running++;
    run().finally(() => {
      this.#running--;
      this.#next();
    });
  }
}
