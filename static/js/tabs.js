const LEASE = 3000;

/** The tabs that show the same list: each hears what the others say, and only one at a time sends. */
export class Tabs {
  constructor(url) {
    this.name = `todomvc ${url}`;
    this.channel = new BroadcastChannel(this.name);
  }

  say(news) {
    this.channel.postMessage(news);
  }

  listen(hear) {
    this.channel.onmessage = ({ data }) => hear(data);
  }

  /**
   * Does `work` while no other tab does. Without Web Locks (plain HTTP from another host) a lease has to do; should two
   * tabs take it at once, the server hears a change twice, which does no harm.
   */
  async alone(work) {
    const asked = performance.now();
    this.waiting = true;
    const begin = async () => {
      this.waiting = false;
      if (performance.now() - asked > 20) await sleep(100); // another tab was at it: let its last words arrive
      await work();
    };
    await (navigator.locks ? navigator.locks.request(this.name, begin) : lease(this.name, begin));
  }
}

async function lease(name, work) {
  const renew = () => localStorage.setItem(name, Date.now() + LEASE);
  await sleep(20 * Math.random());
  while (localStorage.getItem(name) > Date.now()) await sleep(100);
  renew();
  const timer = setInterval(renew, LEASE / 3);
  await work();
  clearInterval(timer);
  localStorage.removeItem(name);
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
