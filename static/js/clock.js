/**
 * The time as the model is given it: of the browser, or of a test.
 *
 * @typedef {object} Clock
 * @property {() => number} now in milliseconds since 1970
 * @property {(work: () => void, milliseconds: number) => unknown} setTimeout
 * @property {(timeout: any) => void} clearTimeout
 * @property {(milliseconds: number) => AbortSignal} abortAfter
 */

/** @type {Clock} */
export const browserClock = {
  now: () => Date.now(),
  setTimeout: (work, milliseconds) => setTimeout(work, milliseconds),
  clearTimeout: (timeout) => clearTimeout(timeout),
  abortAfter: (milliseconds) => AbortSignal.timeout(milliseconds),
};

/**
 * @param {Clock} clock
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
export function sleep(clock, milliseconds) {
  return new Promise((resolve) => clock.setTimeout(resolve, milliseconds));
}
