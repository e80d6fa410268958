const PATIENCE = 20_000; // milliseconds

/** The list on the server: sends requests, and judges their responses. */
export class Server {
  /**
   * @param {string} url of the list
   * @param {object} parts
   * @param {(url: string, options: RequestInit) => Promise<Response>} parts.fetch
   * @param {Clock} parts.clock
   */
  constructor(url, { fetch, clock }) {
    this.url = url;
    this.fetch = fetch;
    this.clock = clock;
  }

  /** @returns {Promise<Saved | Gone | Refused | Away>} */
  async send(write) {
    const { response, body } = await this.ask(...this.requestOf(write));
    const { status, headers } = response;
    if (isAway(response, body)) return { outcome: 'away', retryAfter: this.retryAfter(headers) };
    if (status === 410 || (status === 404 && write.method !== 'POST')) return { outcome: 'gone' };
    const reason = body?.detail ?? `The server said ${status}.`;
    if (status >= 300) return { outcome: 'refused', reason };
    return write.method === 'DELETE' ? { outcome: 'gone' } : { outcome: 'saved', todo: body };
  }

  /**
   * Sends what the browser takes as the page goes, which is 64 KiB. Nobody is there to hear the
   * response.
   */
  sendOnLeaving(write) {
    const [url, options] = this.requestOf(write);
    this.fetch(url, { ...options, keepalive: true }).catch(() => {});
  }

  /**
   * @param {string} tag of the list that is known
   * @returns {Promise<Read | Unchanged | Away>}
   */
  async read(tag) {
    const { response, body } = await this.ask(this.url, { headers: { 'If-None-Match': tag } });
    if (response.status === 304) return { outcome: 'unchanged' };
    const isRead = response.status === 200 && !isAway(response, body);
    if (!isRead) return { outcome: 'away', retryAfter: 0 };
    return { outcome: 'read', todos: body, tag: response.headers.get('ETag') ?? '' };
  }

  /** @returns {[url: string, options: RequestInit]} */
  requestOf(write) {
    const { method } = write;
    /** @type {Record<string, string>} */
    const headers = { 'Content-Type': 'application/json' };
    if (method === 'DELETE') return [this.url + write.id, { method, headers }];
    const body = JSON.stringify(write.fields);
    if (method === 'PATCH') return [this.url + write.id, { method, headers, body }];
    return [this.url, { method, headers: { ...headers, 'Idempotency-Key': write.key }, body }];
  }

  async ask(url, options) {
    const signal = this.clock.abortAfter(PATIENCE);
    const response = await this.fetch(url, { ...options, signal }).catch(() => Response.error());
    const body = await response.json().catch(() => null);
    return { response, body };
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

/** A failure that may pass, or the page of a captive portal, which says 200. */
function isAway({ ok, status }, body) {
  return (ok && !body) || status >= 500 || [0, 401, 408, 425, 429].includes(status);
}
