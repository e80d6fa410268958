const PATIENCE = 20_000; // milliseconds

/**
 * The list on the server: sends requests, and judges their responses. A proxy may answer anything
 * with any status: only a response that names this list in `Todo-List`, and has the todo if it is a
 * success, counts.
 */
export class Server {
  /**
   * @param {{ url: string, list: string, user: string }} page what the page says; the user is
   *   percent-encoded
   * @param {object} parts
   * @param {(url: string, options: RequestInit) => Promise<Response>} parts.fetch
   * @param {Clock} parts.clock
   */
  constructor({ url, list, user }, { fetch, clock }) {
    this.url = url;
    this.list = list;
    this.user = user;
    this.fetch = fetch;
    this.clock = clock;
  }

  /** @returns {Promise<Saved | Gone | Changed | Refused | Away>} */
  async send(write) {
    const { response, body } = await this.ask(...this.requestOf(write));
    return this.judge(response, body, write);
  }

  /** @returns {Promise<Saved | Gone | Changed | Refused | Away>} */
  async readTodo(id) {
    const { response, body } = await this.ask(this.url + id, { cache: 'no-cache' });
    return this.judge(response, body, { method: 'GET', id, fields: {} });
  }

  /**
   * @returns {Promise<Read | Unchanged | Away>} the list, unless it is the one that the tag names
   */
  async readList(tag) {
    const headers = { 'If-None-Match': tag };
    const { response, body } = await this.ask(this.url, { headers, cache: 'no-cache' });
    const away = this.awayFrom(response, body);
    if (away) return away;
    if (response.status === 304) return { outcome: 'unchanged' };
    if (response.status !== 200 || !isList(body)) return this.away(response);
    return { outcome: 'read', todos: body, tag: response.headers.get('ETag') ?? '""' };
  }

  /**
   * Sends what the browser takes as the page goes: 64 KiB. Nobody is there to hear the response.
   */
  sendOnLeaving(write) {
    const [url, options] = this.requestOf(write);
    this.fetch(url, { ...options, keepalive: true }).catch(() => {});
  }

  /** @returns {[url: string, options: RequestInit]} */
  requestOf(write) {
    const { method } = write;
    /** @type {Record<string, string>} */
    const headers = { 'Todo-List': this.list, 'Todo-User': this.user };
    if (write.tag) headers['If-Match'] = write.tag;
    if (method === 'DELETE') return [this.url + write.id, { method, headers }];
    headers['Content-Type'] = 'application/json';
    if (method === 'POST') headers['Idempotency-Key'] = write.key;
    const url = method === 'POST' ? this.url : this.url + write.id;
    return [url, { method, headers, body: JSON.stringify(write.fields) }];
  }

  async ask(url, options) {
    try {
      const signal = this.clock.abortAfter(PATIENCE);
      const response = await this.fetch(url, { ...options, redirect: 'manual', signal });
      const body = await response.json().catch(() => null);
      return { response, body };
    } catch {
      return { response: Response.error(), body: null };
    }
  }

  /** @returns {Saved | Gone | Changed | Refused | Away} */
  judge(response, body, { method, id, fields }) {
    const { ok, status, headers } = response;
    const away = this.awayFrom(response, body);
    if (away) return away;
    if (ok) {
      const isAnswer = isTodo(body) && (method === 'POST' || body.id === id);
      const hasFields = Object.keys(fields ?? {}).every((name) => name in body);
      if (!isAnswer || !hasFields) return this.away(response);
      if (method === 'DELETE') return { outcome: 'gone' };
      const tag = headers.get('ETag') ?? '';
      return { outcome: 'saved', todo: body, tag: tag.startsWith('W/') ? '' : tag };
    }
    if (status === 412) return { outcome: 'changed' };
    if (status === 410 || (status === 404 && method !== 'POST')) return { outcome: 'gone' };
    return { outcome: 'refused', reason: body?.detail ?? `The server said ${status}.` };
  }

  /**
   * Where a response does not end a debt: it is not of this list, or it says what may pass.
   * @returns {Away | null}
   */
  awayFrom(response, body) {
    const { status, headers, type } = response;
    const list = headers.get('Todo-List');
    if (list && list !== this.list) return this.away(response, 'otherList');
    const isSignIn = status === 401 || type === 'opaqueredirect' || isPage(response);
    if (!list) return this.away(response, isSignIn ? 'signIn' : 'none');
    if (/other-(list|user)$/.test(body?.type)) return this.away(response, 'otherList');
    if ([403, 409, 421].includes(status)) return this.away(response, 'blocked', body?.detail);
    const mayPass = status >= 500 || [401, 405, 408, 425, 429].includes(status);
    return mayPass ? this.away(response, status === 401 ? 'signIn' : 'none') : null;
  }

  /**
   * @param {Response} response
   * @param {Trouble['kind']} trouble
   * @returns {Away}
   */
  away({ headers }, trouble = 'none', detail = '') {
    return { outcome: 'away', retryAfter: this.retryAfter(headers), trouble, detail };
  }

  /**
   * Retry-After, seconds or a date (RFC 9110, 10.2.3).
   * @returns {number} in milliseconds; 0 if it is not said
   */
  retryAfter(headers) {
    const value = headers.get('Retry-After') ?? '0';
    const seconds = Number(value);
    return (isNaN(seconds) ? Date.parse(value) - this.clock.now() : seconds * 1000) || 0;
  }
}

function isPage({ ok, headers }) {
  return ok && /^text\/html/.test(headers.get('Content-Type') ?? '');
}

function isTodo(body) {
  return typeof body === 'object' && body !== null && Number.isInteger(body.id);
}

function isList(body) {
  return Array.isArray(body) && body.every(isTodo);
}
