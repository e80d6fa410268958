import { sleep } from './clock.js';

const AT_ONCE = 4;
const FIRST_DELAY = 500; // milliseconds
const LONGEST_DELAY = 10_000;
const LONGEST_RETRY_AFTER = 3_600_000;

/**
 * When to send: one request at a time for each todo, several at once, and again after a pause while the server is away.
 *
 * @typedef {import('./outbox.js').TodoKey} TodoKey
 */
export class Sender {
  isRunning = false;
  isPaused = false; // the server is away
  failures = 0; // in a row

  /** @type {Set<TodoKey>} what is being sent */
  busy = new Set();

  /** @type {Map<TodoKey, number>} until when Retry-After holds a todo back */
  heldUntil = new Map();

  /** @type {unknown} */
  timeout = undefined;

  /**
   * @param {object} parts
   * @param {import('./outbox.js').Outbox} parts.outbox
   * @param {(todoKey: TodoKey) => Promise<import('./server.js').Away | { outcome: 'settled' }>} parts.send
   * @param {() => void} parts.onFailure
   * @param {import('./tab-lock.js').TabLock} parts.lock
   * @param {import('./clock.js').Clock} parts.clock
   * @param {() => number} parts.random from 0 to 1
   */
  constructor({ outbox, send, onFailure, lock, clock, random }) {
    this.outbox = outbox;
    this.send = send;
    this.onFailure = onFailure;
    this.lock = lock;
    this.clock = clock;
    this.random = random;
  }

  get isFailing() {
    return this.isPaused || this.outbox.todoKeys().some((key) => this.isHeld(key));
  }

  /** Sends what is owed. */
  async run() {
    if (this.isRunning || !this.ready().length) return;
    this.isRunning = true;
    try {
      await this.lock.run(async () => {
        this.outbox.reload();
        await Promise.all(Array.from({ length: AT_ONCE }, () => this.work()));
      });
    } finally {
      this.isRunning = false;
      this.retryLater();
    }
    this.run();
  }

  /** Sends all that is owed now, whatever has been said of waiting. */
  runNow() {
    this.isPaused = false;
    this.heldUntil.clear();
    this.run();
  }

  async work() {
    while (this.ready().length) {
      await sleep(this.clock, 10); // so that the browser draws first
      const [todoKey] = this.ready();
      if (todoKey !== undefined) await this.sendOne(todoKey);
    }
  }

  /** @param {TodoKey} todoKey */
  async sendOne(todoKey) {
    this.busy.add(todoKey);
    try {
      const answer = await this.send(todoKey);
      if (answer.outcome === 'away') this.pause(todoKey, answer.retryAfter);
      else this.failures = 0;
    } catch (error) {
      this.pause(todoKey, 0);
      throw error;
    } finally {
      this.busy.delete(todoKey);
    }
  }

  /** @returns {TodoKey[]} the todos that something may be sent for now */
  ready() {
    if (this.isPaused) return [];
    return this.outbox.ready((key) => this.isHeld(key)).filter((key) => !this.busy.has(key));
  }

  /**
   * A response with Retry-After holds back the todo that it was for; any other failure holds back all.
   *
   * @param {TodoKey} todoKey
   * @param {number} retryAfter in milliseconds
   */
  pause(todoKey, retryAfter) {
    if (retryAfter > 0) {
      this.heldUntil.set(todoKey, this.clock.now() + Math.min(retryAfter, LONGEST_RETRY_AFTER));
    } else {
      this.isPaused = true;
    }
    this.outbox.postpone(todoKey);
    this.onFailure();
  }

  retryLater() {
    this.clock.clearTimeout(this.timeout);
    if (this.isPaused) {
      const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.failures);
      this.failures += 1;
      this.retryIn(delay);
    } else if (this.heldUntil.size) {
      this.retryIn(Math.min(...this.heldUntil.values()) - this.clock.now());
    }
  }

  /** @param {number} delay in milliseconds; it is made longer at random, so that not all clients come back at once */
  retryIn(delay) {
    this.timeout = this.clock.setTimeout(() => {
      this.isPaused = false;
      this.run();
    }, Math.max(0, delay) * (1 + this.random() / 2));
  }

  /** @param {TodoKey} todoKey */
  isHeld(todoKey) {
    const isHeld = (this.heldUntil.get(todoKey) ?? 0) > this.clock.now();
    if (!isHeld) this.heldUntil.delete(todoKey);
    return isHeld;
  }
}
