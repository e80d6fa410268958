import { store } from './outbox.js';

const LEASE = 3000;

/** The tabs of one list: each hears the others, one at a time sends. */
export class Tabs {
  constructor(url, storage) {
    this.name = `todomvc ${url}`;
    this.storage = storage;
    this.channel = new BroadcastChannel(this.name);
  }

  say(news) {
    this.channel.postMessage(news);
  }

  listen(hear) {
    this.channel.onmessage = ({ data }) => hear(data);
  }

  /** Whether another tab is at work. */
  get waiting() {
    return performance.now() - this.asked > 20;
  }

  /** Does `work` while no other tab does. Plain HTTP has no Web Locks: a lease has to do. */
  async alone(work) {
    this.asked = performance.now();
    const begin = async () => {
      const { waiting } = this;
      this.asked = undefined;
      if (waiting) await sleep(100); // let the last words of the other tab arrive
      await work();
    };
    await (navigator.locks ? navigator.locks.request(this.name, begin) : this.lease(begin));
  }

  async lease(work) {
    const { name, storage } = this;
    const left = () => storage?.getItem(name) - Date.now();
    const renew = () => store(storage, name, Date.now() + LEASE);
    await sleep(20 * Math.random());
    while (left() > 0 && left() <= LEASE) await sleep(100); // longer: the clock was wrong
    renew();
    const timer = setInterval(renew, LEASE / 3);
    await work();
    clearInterval(timer);
    storage?.removeItem(name);
  }
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
