import { isKey } from './outbox.js';

const AT_ONCE = 4;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;
const LONGEST_ASKED = 3_600_000;
const PATIENCE = 20_000;

/** No answer that counts; `wait`, in ms, is what the server asks for. */
export class Away extends Error {
  wait = 0;
}

/** When to send: one request at a time for each todo; creates in order, as ids give that of the list. */
export class Sender {
  busy = new Set();
  tries = 0;
  wait = 0;

  constructor(outbox, tabs, send, tell) {
    Object.assign(this, { outbox, tabs, send, tell });
  }

  async run() {
    if (this.running || this.next() === undefined) return;
    this.running = true;
    await this.tabs.alone(() => this.round());
    this.running = false;
    if (this.paused) this.retryLater();
    this.run();
  }

  wake() {
    clearTimeout(this.timer);
    this.paused = false;
    this.run();
  }

  async round() {
    this.outbox.reload();
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.work()));
  }

  async work() {
    for (let ref = this.next(); ref !== undefined; ref = this.next()) {
      this.busy.add(ref);
      await this.attempt(ref);
      this.busy.delete(ref);
    }
  }

  next() {
    let creating = false;
    for (const ref of this.paused ? [] : this.outbox.owed.keys()) {
      if (!this.busy.has(ref) && !(isKey(ref) && creating)) return ref;
      creating ||= isKey(ref);
    }
    return undefined;
  }

  async attempt(ref) {
    try {
      await this.send(ref);
      this.tries = 0;
    } catch (error) {
      if (!(error instanceof Away)) reportError(error);
      this.outbox.postpone(ref);
      this.wait = Math.max(this.wait, error.wait ?? 0);
      this.paused = true;
      this.tell();
    }
  }

  retryLater() {
    const wait = Math.max(Math.min(this.wait, LONGEST_ASKED), Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.tries));
    this.tries += 1;
    this.wait = 0;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.wake(), wait * (1 + Math.random() / 2));
  }
}

/** Throws Away where a retry may mend it. */
export async function ask(url, request) {
  const response = await fetch(url, { ...withJson(request), signal: AbortSignal.timeout(PATIENCE) }).catch(() => {
    throw new Away();
  });
  const { ok, status, headers } = response;
  if (status >= 500 || [408, 425, 429].includes(status)) throw Object.assign(new Away(), { wait: retryAfter(headers) });
  const body = await response.json().catch(() => undefined);
  if (ok && !body) throw new Away(); // a captive portal says 200, too, but not in JSON
  return { status, etag: headers.get('ETag'), body };
}

export function withJson({ method, headers, body }) {
  if (!body) return { method, headers };
  return { method, headers: { ...headers, 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
}

/** Retry-After, seconds or a date (RFC 9110, 10.2.3), in milliseconds. */
function retryAfter(headers) {
  const value = headers.get('Retry-After');
  return isNaN(value) ? Date.parse(value) - Date.now() || 0 : value * 1000;
}
