import { Away } from './request.js';

const AT_ONCE = 4;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;

/**
 * When to send, and in what order: todos in the order they were changed, one request at a time for each and AT_ONCE for
 * all, creates one after the other (their ids give the order of the list). What fails is tried again, later and later.
 */
export class Sender {
  #outbox;
  #tabs;
  #send;
  #tell;
  #busy = new Set();
  #failed = new Set();
  #away = false;
  #running = false;
  #tries = 0;
  #pause = 0;
  #timer;

  /** `send(ref)` makes the next request for one todo; `tell()` hears that something failed. */
  constructor(outbox, tabs, send, tell) {
    this.#outbox = outbox;
    this.#tabs = tabs;
    this.#send = send;
    this.#tell = tell;
  }

  get failing() {
    return this.#failed.size > 0;
  }

  async run() {
    if (this.#running || this.#next() === undefined) return;
    this.#running = true;
    await this.#tabs.alone(() => this.#round());
    this.#running = false;
    if (this.failing) this.#retryLater();
    this.run();
  }

  /** Tries at once what is waiting for its next try. */
  wake() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#failed.clear();
    this.#away = false;
    this.run();
  }

  async #round() {
    this.#outbox.reload();
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.#work()));
  }

  async #work() {
    for (let ref = this.#next(); ref !== undefined; ref = this.#next()) {
      this.#busy.add(ref);
      await this.#attempt(ref);
      this.#busy.delete(ref);
    }
  }

  #next() {
    let creating = false;
    if (this.#away) return undefined;
    for (const ref of this.#outbox.refs()) {
      const isCreate = typeof ref === 'string';
      if (!(isCreate && creating) && !this.#busy.has(ref) && !this.#failed.has(ref)) return ref;
      creating ||= isCreate;
    }
    return undefined;
  }

  async #attempt(ref) {
    try {
      await this.#send(ref);
      this.#tries = 0;
      this.#pause = 0;
    } catch (error) {
      if (!(error instanceof Away)) reportError(error);
      this.#fail(ref, error);
    }
  }

  /** One todo may fail alone; where the server is away, or several fail, the others need not be tried. */
  #fail(ref, { wait = 0, everywhere = false }) {
    this.#failed.add(ref);
    this.#outbox.postpone(ref);
    this.#pause = Math.max(this.#pause, wait);
    this.#away = everywhere || this.#failed.size >= AT_ONCE;
    this.#tell();
  }

  #retryLater() {
    if (this.#timer) return;
    const wait = Math.max(this.#pause, Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#tries));
    this.#tries += 1;
    this.#pause = 0;
    this.#timer = setTimeout(() => this.wake(), wait * (1 + Math.random() / 2));
  }
}
