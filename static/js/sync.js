import { randomHex } from './outbox.js';
import { ask, Away, options } from './request.js';
import { Sender } from './sender.js';

const KEEPALIVE_ROOM = 64 * 1024;
const TAKE_OVER = 3000;

/**
 * What is owed to the server and what it says. Every request may arrive twice and do no harm: a create carries an
 * Idempotency-Key, a PATCH sets fields to values, and what is deleted stays so.
 *
 * Says, of changes made in this tab or another: `owed` { ref }, `answer` { ref, todo }, `gone` { ref, changes },
 * `refused` { ref, create, changes, reason }; and `list` (all todos, asked for anew), `status` { owed, failing, unsafe }.
 */
export class Sync extends EventTarget {
  #url;
  #outbox;
  #tabs;
  #sender;
  #etag = '';
  #answers = 0;
  #refreshing = false;

  constructor(url, outbox, tabs) {
    super();
    this.#url = url;
    this.#outbox = outbox;
    this.#tabs = tabs;
    this.#sender = new Sender(outbox, tabs, (ref) => this.#send(ref), () => this.#tell());
  }

  start() {
    const wake = () => document.hidden || this.#wake();
    this.#tabs.addEventListener('news', ({ detail }) => this.#hear(detail));
    document.addEventListener('visibilitychange', wake);
    for (const type of ['online', 'focus']) addEventListener(type, wake);
    addEventListener('pageshow', ({ persisted }) => persisted && wake());
    addEventListener('pagehide', () => this.#leave());
    addEventListener('beforeunload', (event) => this.#outbox.unsafe && event.preventDefault());
    this.#tell();
    this.#sender.run();
  }

  /** Owes a new todo; `after` is the last id known now. */
  create(body, after) {
    this.#owe({ ref: randomHex(16), create: body, after });
  }

  update(ref, changes) {
    this.#owe({ ref, changes });
  }

  destroy(ref) {
    this.#owe({ ref, destroy: true });
  }

  /** The todos that are owed something, and what is owed to one (see Outbox.debt). */
  refs() {
    return [...this.#outbox.refs()];
  }

  owed(ref) {
    return this.#outbox.debt(ref);
  }

  unanswered() {
    return this.#outbox.unanswered();
  }

  #owe(record) {
    const key = this.#outbox.add(record);
    this.#tabs.say({ type: 'owed', ref: record.ref, key, record });
    this.#say('owed', record);
    this.#tell();
    this.#sender.run();
  }

  async #send(ref) {
    const request = this.#request(ref);
    if (!request) return this.#settle('gone', ref, this.#outbox.debt(ref));
    const { status, body } = await ask(request.url, request);
    const { method, keys } = request;
    if (status === 410 || (status === 404 && method !== 'POST')) return this.#settle('gone', ref, this.#outbox.debt(ref));
    if (status >= 300) return this.#settle('refused', ref, { ...refusal(request, this.#outbox.debt(ref)), reason: reason(status, body) });
    if (!Number.isInteger(body.id)) throw new Away();
    if (method === 'DELETE') return this.#settle('gone', ref, this.#outbox.debt(ref));
    return this.#settle('answer', ref, { keys, todo: body });
  }

  /** The next request for a todo; undefined where there is none, as it was deleted before it was sent. */
  #request(ref) {
    const debt = this.#outbox.debt(ref);
    if (debt.create) return this.#creation(ref, debt);
    const url = this.#url + ref;
    if (debt.destroy) return { method: 'DELETE', url, keys: [debt.destroyed] };
    return { method: 'PATCH', url, body: debt.changes, keys: debt.changed };
  }

  /** What was changed before it is sent is sent with it; from then on its body stays, as its Idempotency-Key asks. */
  #creation(ref, { first, create, after, sent, changes, changed, destroy }) {
    if (destroy && !sent) return undefined;
    const body = sent ? create : { ...create, ...changes };
    const merged = sent ? [] : changed;
    if (!sent) this.#outbox.put(first, { ref, create: body, after, sent: true });
    this.#outbox.forget(merged);
    return { method: 'POST', url: this.#url, headers: { 'Idempotency-Key': ref }, body, keys: [first, ...merged] };
  }

  #settle(type, ref, detail) {
    const news = { type, ref, ...detail };
    this.#tabs.say(news);
    this.#hear(news);
  }

  /** Takes what the server answered, to this tab or to another, and what another tab owes now. */
  #hear(news) {
    const { type, ref, key, keys, record, todo } = news;
    if (type === 'owed') this.#outbox.hear(key, record);
    else this.#clear(ref, keys, type === 'answer' ? todo.id : undefined);
    if (type === 'owed') setTimeout(() => this.#sender.run(), TAKE_OVER);
    this.#say(type, news);
    this.#tell();
  }

  #clear(ref, keys, id) {
    this.#answers += 1;
    this.#etag = '';
    if (typeof ref === 'string' && id !== undefined) this.#outbox.put(keys.shift(), { ref, id, at: Date.now() });
    this.#outbox.forget(keys);
  }

  #wake() {
    this.#outbox.reload();
    this.#sender.wake();
    this.#refresh();
  }

  async #refresh() {
    if (this.#refreshing) return;
    this.#refreshing = true;
    try {
      while (!(await this.#fetchList()));
    } catch (error) {
      if (!(error instanceof Away)) throw error;
    } finally {
      this.#refreshing = false;
    }
  }

  /** False where another answer came in between: then this one may be older, and is asked for again. */
  async #fetchList() {
    const answers = this.#answers;
    const headers = this.#etag ? { 'If-None-Match': this.#etag } : {};
    const { status, body, etag } = await ask(this.#url, { method: 'GET', headers });
    if (answers !== this.#answers) return false;
    if (status === 200) this.#say('list', body);
    if (status === 200) this.#etag = etag;
    return true;
  }

  /** The page goes: what is still owed is sent without waiting for an answer, and stays in the outbox until one came. */
  #leave() {
    if (this.#tabs.waiting) return;
    let room = KEEPALIVE_ROOM;
    for (const ref of this.refs()) {
      const request = this.#request(ref);
      if (!request) continue;
      const init = options(request);
      room -= new Blob([init.body ?? '']).size;
      if (room < 0) return;
      fetch(request.url, { ...init, keepalive: true }).catch(() => {});
    }
  }

  #tell() {
    this.#say('status', { owed: this.#outbox.size, failing: this.#sender.failing, unsafe: this.#outbox.unsafe });
  }

  #say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** What is taken back when a request is refused: all that is owed to a todo that is not created, else what was sent. */
function refusal({ method, body, keys }, debt) {
  if (method === 'POST') return { keys: debt.keys, create: debt.create, changes: debt.changes };
  return { keys, changes: body };
}

function reason(status, problem) {
  return typeof problem?.detail === 'string' ? problem.detail : `The server said ${status}.`;
}
