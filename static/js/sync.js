import { isKey, randomHex } from './outbox.js';
import { ask, Away, Sender, withJson } from './sender.js';

const KEEPALIVE_ROOM = 64 * 1024;
const TAKE_OVER = 3000;

/**
 * Between the list and the server. A request that arrives twice does no harm: a create has an Idempotency-Key, a PATCH
 * sets values, what is deleted stays so. Says `owed`, `answer`, `gone`, `refused`, of all tabs; `list`; and `status`.
 */
export class Sync extends EventTarget {
  answers = 0;

  constructor(url, outbox, tabs) {
    super();
    Object.assign(this, { url, outbox, tabs });
    this.sender = new Sender(outbox, tabs, (ref) => this.send(ref), () => this.tell());
  }

  start() {
    const isFromCache = performance.getEntriesByType('navigation')[0]?.type === 'back_forward';
    this.tabs.listen((news) => this.hear(news));
    for (const type of ['online', 'focus']) addEventListener(type, () => this.wake());
    addEventListener('visibilitychange', () => document.hidden || this.wake());
    addEventListener('pageshow', ({ persisted }) => (persisted || isFromCache) && this.wake());
    addEventListener('pagehide', () => this.leave());
    addEventListener('beforeunload', (event) => this.outbox.unsafe.size && event.preventDefault());
    this.tell();
    this.sender.run();
  }

  create(create, after) {
    this.owe({ ref: randomHex(16), create, after });
  }

  debt(ref) {
    return this.outbox.debt(ref);
  }

  refs() {
    return [...this.outbox.owed.keys()];
  }

  owe(record) {
    const key = this.outbox.add(record);
    this.tabs.say({ type: 'owed', ref: record.ref, key, record });
    this.say('owed', record);
    this.tell();
    this.sender.run();
  }

  async send(ref) {
    const request = this.request(ref);
    const { status, body } = request ? await ask(request.url, request) : { status: 410 };
    const debt = this.debt(ref) ?? { keys: [] };
    if (status === 410 || (status === 404 && request.method !== 'POST')) return this.settle('gone', ref, debt);
    if (status >= 300) return this.settle('refused', ref, refusal(request, debt, status, body));
    if (!Number.isInteger(body.id)) throw new Away();
    if (request.method === 'DELETE') return this.settle('gone', ref, debt);
    return this.settle('answer', ref, { keys: request.keys, todo: body });
  }

  /** The next request; undefined for what was deleted before it was sent. */
  request(ref) {
    const { create, sent, destroy, destroyKey, changes, changeKeys } = this.debt(ref);
    if (create) return destroy && !sent ? undefined : this.creation(ref);
    const url = this.url + ref;
    if (destroy) return { method: 'DELETE', url, keys: [destroyKey] };
    return { method: 'PATCH', url, body: changes, keys: changeKeys };
  }

  /** Takes in what changed before it is sent; then its body stays, as the key demands. */
  creation(ref) {
    const { create, createKey, after, sent, changes, changeKeys } = this.debt(ref);
    const body = sent ? create : { ...create, ...changes };
    const keys = sent ? [] : changeKeys;
    if (!sent) this.outbox.put(createKey, { ref, create: body, after, sent: true });
    this.outbox.forget(keys);
    return { method: 'POST', url: this.url, headers: { 'Idempotency-Key': ref }, body, keys: [createKey, ...keys] };
  }

  settle(type, ref, detail) {
    this.tabs.say({ type, ref, ...detail });
    this.hear({ type, ref, ...detail });
  }

  hear(news) {
    const { type, ref, key, keys, record, todo } = news;
    if (type === 'owed') {
      if (this.outbox.storage) this.outbox.remember(key, record);
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
    await this.refresh().catch((error) => error instanceof Away || reportError(error));
    this.refreshing = false;
  }

  /** Reads the list; again, if an answer came in between: the list may be older. */
  async refresh() {
    const { answers, etag } = this;
    const answer = await ask(this.url, { headers: etag ? { 'If-None-Match': etag } : {} });
    if (answers !== this.answers) return this.refresh();
    if (answer.status !== 200) return undefined;
    this.etag = answer.etag;
    return this.say('list', answer.body);
  }

  /** Sends what it can as the page goes; of the creates the first only, as they would arrive in any order. */
  leave() {
    if (this.tabs.waiting) return;
    let room = KEEPALIVE_ROOM;
    this.outbox.reload();
    const first = this.refs().find(isKey);
    for (const ref of this.refs().filter((each) => each === first || !isKey(each))) {
      const request = this.request(ref);
      const init = request && withJson(request);
      const size = new Blob([init?.body ?? '']).size;
      if (!request || size > room) continue;
      room -= size;
      fetch(request.url, { ...init, keepalive: true }).catch(() => {});
    }
  }

  tell() {
    const { owed, unsafe } = this.outbox;
    this.say('status', { owed: owed.size, failing: this.sender.paused, unsafe: unsafe.size });
  }

  say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** What is taken back. */
function refusal({ method, body, keys }, debt, status, problem) {
  const reason = problem?.detail ?? `The server said ${status}.`;
  return method === 'POST' ? { ...debt, reason } : { keys, changes: body, reason };
}
