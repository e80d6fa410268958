const AT_ONCE = 4;
const FIRST_DELAY = 500; // milliseconds
const LONGEST_DELAY = 10_000;
const LONGEST_RETRY_AFTER = 3_600_000;
const LONGEST_WAIT = 30_000; // milliseconds, for another tab to end its sending
const LEASE = 3000; // milliseconds
const RENEWAL = 1000;
const POLL = 100;
const LAST_WORDS = 100; // until what the tab before has said has arrived

/**
 * When to send: one request at a time for each todo, several at once, and again after a pause while
 * the server is away.
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
   * @param {Outbox} parts.outbox
   * @param {(todoKey: TodoKey) => Promise<Away | { outcome: 'settled' }>} parts.send
   * @param {(todoKey: TodoKey) => boolean} parts.isOffered whether the user may still take it back
   * @param {() => void} parts.onFailure
   * @param {TabLock} parts.lock
   * @param {Clock} parts.clock
   * @param {() => number} parts.random from 0 to 1
   */
  constructor({ outbox, send, isOffered, onFailure, lock, clock, random }) {
    this.outbox = outbox;
    this.send = send;
    this.isOffered = isOffered;
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
    const isHeld = (key) => this.isOffered(key) || this.isHeld(key);
    return this.outbox.ready(isHeld).filter((key) => !this.busy.has(key));
  }

  /**
   * A response with Retry-After holds back the todo that it was for; any other failure holds back
   * all.
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

  /**
   * @param {number} delay in milliseconds; it is made longer at random, so that not all clients
   *   come back at once
   */
  retryIn(delay) {
    this.timeout = this.clock.setTimeout(() => {
      this.isPaused = false;
      this.run();
    }, Math.max(0, delay) * (1 + this.random() / 2));
  }

  isHeld(todoKey) {
    const isHeld = (this.heldUntil.get(todoKey) ?? 0) > this.clock.now();
    if (!isHeld) this.heldUntil.delete(todoKey);
    return isHeld;
  }
}

/** Lets one tab at a time do something: the sending. */
export class TabLock {
  isWaiting = false;

  /**
   * @param {string} name
   * @param {object} parts
   * @param {Locks | undefined} parts.locks plain HTTP has none: a lease in the storage has to do
   * @param {JSONStorage} parts.storage
   * @param {Clock} parts.clock
   * @param {() => number} parts.random from 0 to 1
   */
  constructor(name, { locks, storage, clock, random }) {
    this.name = name;
    this.locks = locks;
    this.storage = storage;
    this.clock = clock;
    this.random = random;
  }

  async run(work) {
    let isGranted = false;
    const begin = () => {
      isGranted = true;
      return this.begin(work);
    };
    try {
      await (this.locks ? this.holdLock(this.locks, begin) : this.holdLease(begin));
    } catch (error) {
      if (isGranted) throw error;
      await this.holdLease(begin); // Web Locks refuse where site data is blocked, too
    }
  }

  async begin(work) {
    if (this.isWaiting) await sleep(this.clock, LAST_WORDS);
    this.isWaiting = false;
    await work();
  }

  async holdLock(locks, begin) {
    await locks.request(this.name, { ifAvailable: true }, (lock) => {
      this.isWaiting = !lock;
      return lock ? begin() : undefined;
    });
    if (!this.isWaiting) return;
    // A frozen tab may keep it for hours. What two tabs send does no harm.
    const signal = this.clock.abortAfter(LONGEST_WAIT);
    await locks.request(this.name, { signal }, begin);
  }

  async holdLease(begin) {
    // Tabs that wake up together should not take it together.
    await sleep(this.clock, 20 * this.random());
    this.isWaiting = this.isLeased();
    while (this.isLeased()) await sleep(this.clock, POLL);
    const stopRenewing = this.renewLease();
    try {
      await begin();
    } finally {
      stopRenewing();
      this.storage.remove(this.name);
    }
  }

  isLeased() {
    const left = Number(this.storage.read(this.name)) - this.clock.now();
    return left > 0 && left <= LEASE; // if more is left, the clock was wrong
  }

  /** @returns {() => void} what ends the renewing */
  renewLease() {
    /** @type {unknown} */
    let timeout;
    const renew = () => {
      this.storage.write(this.name, this.clock.now() + LEASE);
      timeout = this.clock.setTimeout(renew, RENEWAL);
    };
    renew();
    return () => this.clock.clearTimeout(timeout);
  }
}

function sleep(clock, milliseconds) {
  return new Promise((resolve) => clock.setTimeout(resolve, milliseconds));
}
