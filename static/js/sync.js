import { Outbox, randomKey, sleep, Turn } from './outbox.js';

const AT_ONCE = 4;
const PATIENCE = 20_000;
const TAKE_OVER = 3000;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;
const LONGEST_ASKED = 3_600_000;

/**
 * Between the list and the server. What is sent twice does no harm: a create has an Idempotency-Key, a PATCH sets values.
 * Says `owed`, `answer`, `gone`, `refused`, of all tabs; `list`; and `status`.
 */
export class Sync extends EventTarget {
  answers = 0;
  shared = [];

  constructor(url, name) {
    super();
    this.url = url;
    this.outbox = new Outbox(name);
    this.turn = new Turn(name);
    this.tabs = new BroadcastChannel(name);
    this.sender = new Sender(this);
  }

  start() {
    const [{ type }] = performance.getEntriesByType('navigation');
    this.tabs.onmessage = ({ data }) => data.forEach((news) => this.hear(news));
    for (const event of ['online', 'focus']) addEventListener(event, () => this.wake());
    addEventListener('visibilitychange', () => document.hidden || this.wake());
    addEventListener('pageshow', ({ persisted }) => persisted && this.wake());
    addEventListener('pagehide', () => this.leave());
    addEventListener('beforeunload', (event) => this.outbox.unsafe.size && event.preventDefault());
    this.tell();
    this.sender.run();
    if (type === 'back_forward') this.wake();
  }

  debt(ref) {
    return this.outbox.debt(ref);
  }

  refs() {
    return [...this.outbox.owed.keys()];
  }

  owe(debt) {
    const record = { ref: randomKey(), ...debt };
    const key = this.outbox.add(record);
    if (!this.outbox.unsafe.has(key)) this.share({ type: 'owed', ref: record.ref, key, record });
    this.say('owed', record);
    this.tell();
    this.sender.run();
  }

  /** Returns how many ms to wait where a retry may mend it. */
  async send(ref) {
    const request = this.request(ref) ?? {};
    const { method, keys, body: changes } = request;
    const { status, body, wait } = method ? await ask(request) : { status: 410 };
    if (wait !== undefined) return wait;
    const debt = this.debt(ref) ?? { keys: [] };
    const refused = method === 'POST' ? debt : { keys, changes };
    const reason = body?.detail ?? `The server said ${status}.`;
    if (status === 410 || (status === 404 && method !== 'POST')) this.settle('gone', ref, debt);
    else if (status >= 300) this.settle('refused', ref, { ...refused, reason });
    else if (method === 'DELETE') this.settle('gone', ref, debt);
    else this.settle('answer', ref, { keys, todo: body });
    return undefined;
  }

  /** The next request; undefined for what was deleted before it was sent. */
  request(ref) {
    const { create, sent, destroy, changes, keys } = this.debt(ref);
    const url = this.url + ref;
    if (create) return destroy && !sent ? undefined : this.creation(ref);
    if (destroy) return { method: 'DELETE', url, keys: keys.filter((key) => this.outbox.records.get(key).destroy) };
    return { method: 'PATCH', url, body: changes, keys };
  }

  /** Takes in what changed before it is sent; then its body stays, as the key demands. */
  creation(ref) {
    const { create, after, sent, changes, keys } = this.debt(ref);
    const body = sent ? create : { ...create, ...changes };
    const [key, ...rest] = sent ? keys.slice(0, 1) : keys;
    this.outbox.put(key, { ref, create: body, after, sent: true });
    this.outbox.forget(rest);
    return { method: 'POST', url: this.url, headers: { 'Idempotency-Key': ref }, body, keys: [key, ...rest] };
  }

  settle(type, ref, detail) {
    const news = { type, ref, ...detail };
    this.share(news);
    this.hear(news);
  }

  /** One message for all of a moment. */
  share(news) {
    if (this.shared.push(news) === 1) queueMicrotask(() => this.tabs.postMessage(this.shared.splice(0)));
  }

  hear(news) {
    const { type, ref, key, keys, record, todo } = news;
    if (type === 'owed') {
      this.outbox.remember(key, record);
      setTimeout(() => this.sender.run(), TAKE_OVER);
    } else {
      this.answers += 1;
      this.etag = undefined;
      this.outbox.forget(keys);
      if (todo && todo.id !== ref) this.outbox.identify(ref, todo.id);
    }
    this.say(type, news);
    this.tell();
  }

  async wake() {
    this.outbox.reload();
    this.sender.wake();
    if (this.refreshing) return;
    this.refreshing = true;
    await this.refresh();
    this.refreshing = false;
  }

  /** Reads the list; again, if an answer came in between: the list may be older. */
  async refresh() {
    const { answers, url, etag } = this;
    const { status, headers, body } = await ask({ url, headers: { 'If-None-Match': etag ?? '""' } });
    if (answers !== this.answers) return this.refresh();
    if (status !== 200) return undefined;
    this.etag = headers.get('ETag');
    return this.say('list', body);
  }

  /** Sends what the browser takes as the page goes: 64 KiB. */
  leave() {
    if (this.turn.waiting) return;
    this.outbox.reload();
    for (const ref of this.outbox.ready()) {
      const request = this.request(ref);
      if (request) send(request, { keepalive: true }).catch(() => {});
    }
  }

  /** For another user: what this one owes waits. */
  stop() {
    this.outbox.isClosed = true;
    location.reload();
  }

  tell() {
    const { owed, unsafe } = this.outbox;
    this.say('status', { owed: owed.size, failing: this.sender.paused, unsafe: unsafe.size });
  }

  say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** When to send: one request at a time for each todo. */
class Sender {
  busy = new Set();
  tries = 0;
  wait = 0;

  constructor(sync) {
    this.sync = sync;
  }

  async run() {
    if (this.running || this.next() === undefined) return;
    this.running = true;
    await this.sync.turn.take(() => {
      this.sync.outbox.reload();
      return Promise.all(Array.from({ length: AT_ONCE }, () => this.work()));
    });
    this.running = false;
    if (this.paused) this.retryLater();
    this.run();
  }

  wake() {
    clearTimeout(this.timer);
    this.paused = false;
    this.run();
  }

  async work() {
    while (this.next() !== undefined) {
      await sleep(10); // draw first
      const ref = this.next();
      if (ref === undefined) return;
      this.busy.add(ref);
      const wait = await this.sync.send(ref);
      this.busy.delete(ref);
      if (wait === undefined) this.tries = 0;
      else this.pause(ref, wait);
    }
  }

  next() {
    return this.paused ? undefined : this.sync.outbox.ready().find((ref) => !this.busy.has(ref));
  }

  pause(ref, wait) {
    this.paused = true;
    this.wait = Math.max(this.wait, Math.min(wait, LONGEST_ASKED));
    this.sync.outbox.postpone(ref);
    this.sync.tell();
  }

  retryLater() {
    const wait = Math.max(this.wait, Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.tries));
    this.tries += 1;
    this.wait = 0;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.wake(), wait * (1 + Math.random() / 2));
  }
}

/** Gives `wait` where no answer counts. (A captive portal says 200.) */
async function ask(request) {
  const response = await send(request, { signal: AbortSignal.timeout(PATIENCE) }).catch(() => Response.error());
  const { ok, status, headers } = response;
  const body = await response.json().catch(() => undefined);
  const isAway = (ok && !body) || status >= 500 || [0, 401, 408, 425, 429].includes(status);
  return isAway ? { wait: retryAfter(headers) } : { status, headers, body };
}

function send({ method, url, headers, body }, options) {
  const json = { ...headers, 'Content-Type': 'application/json' };
  return fetch(url, { method, headers: json, body: JSON.stringify(body), ...options });
}

/** Retry-After, seconds or a date (RFC 9110, 10.2.3), in milliseconds. */
function retryAfter(headers) {
  const value = headers.get('Retry-After');
  return isNaN(value) ? Date.parse(value) - Date.now() || 0 : value * 1000;
}
