import { sleep } from './clock.js';

const LEASE = 3000; // milliseconds
const RENEWAL = 1000;
const POLL = 100;
const LAST_WORDS = 100; // until what the tab before has said has arrived

/** Lets one tab at a time do something: the sending. */
export class TabLock {
  isWaiting = false;

  /**
   * @param {string} name
   * @param {object} parts
   * @param {Pick<LockManager, 'request'> | undefined} parts.locks plain HTTP has none: a lease in the storage has to do
   * @param {import('./storage.js').JSONStorage} parts.storage
   * @param {import('./clock.js').Clock} parts.clock
   * @param {() => number} parts.random from 0 to 1
   */
  constructor(name, { locks, storage, clock, random }) {
    this.name = name;
    this.locks = locks;
    this.storage = storage;
    this.clock = clock;
    this.random = random;
  }

  /** @param {() => Promise<unknown>} work */
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
      await this.holdLease(begin); // Web Locks refuse where site data is blocked
    }
  }

  /** @param {() => Promise<unknown>} work */
  async begin(work) {
    if (this.isWaiting) await sleep(this.clock, LAST_WORDS);
    this.isWaiting = false;
    await work();
  }

  /**
   * @param {Pick<LockManager, 'request'>} locks
   * @param {() => Promise<unknown>} begin
   */
  async holdLock(locks, begin) {
    await locks.request(this.name, { ifAvailable: true }, (lock) => {
      this.isWaiting = !lock;
      return lock ? begin() : undefined;
    });
    if (this.isWaiting) await locks.request(this.name, begin);
  }

  /** @param {() => Promise<unknown>} begin */
  async holdLease(begin) {
    await sleep(this.clock, 20 * this.random()); // tabs that wake up together should not take it together
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
