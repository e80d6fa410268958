import { randomHex } from './outbox.js';

const LEASE = 3000;

/** The tabs of this browser that show the same list: each hears what another says, and one at a time sends. */
export class Tabs extends EventTarget {
  waiting = false;
  #name;
  #channel;

  constructor(url) {
    super();
    this.#name = `todomvc ${url}`;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.dispatchEvent(new CustomEvent('news', { detail: data }));
  }

  say(news) {
    this.#channel.postMessage(news);
  }

  /**
   * Does `work` while no other tab does its own. Web Locks see to that; a page from plain HTTP on another host has
   * none, nor has one that may store nothing: the first makes do with a lease in localStorage, the second with neither,
   * and then two tabs may now and then send the same change twice, which changes nothing on the server.
   */
  async alone(work) {
    const asked = performance.now();
    const begin = async () => {
      this.waiting = false;
      // Where another tab had its turn just now, its last words may still be on the way.
      if (performance.now() - asked > 20) await sleep(100);
      return work();
    };
    this.waiting = true;
    return navigator.locks ? navigator.locks.request(this.#name, begin) : this.#lease(begin);
  }

  async #lease(work) {
    const owner = randomHex(8);
    while (!(await this.#take(owner))) await sleep(200);
    const renewal = setInterval(() => this.#write(owner), LEASE / 3);
    try {
      return await work();
    } finally {
      clearInterval(renewal);
      localStorage.removeItem(this.#name);
    }
  }

  /** Two tabs may write at once: who stands there a moment later has it. */
  async #take(owner) {
    const [, until] = (localStorage.getItem(this.#name) ?? '').split(' ');
    if (until > Date.now()) return false;
    this.#write(owner);
    await sleep(20 + 20 * Math.random());
    return localStorage.getItem(this.#name).startsWith(owner);
  }

  #write(owner) {
    localStorage.setItem(this.#name, `${owner} ${Date.now() + LEASE}`);
  }
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
