const DELAY = 200; // milliseconds between a change and its being kept

/**
 * Lets the page open when the server is away: registers the service worker, and keeps the todos as
 * the server last said them where the worker finds them.
 */
export class Offline {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timeout = undefined;

  /**
   * @param {{ url: string, list: string, user: string }} page what the page says
   * @param {Todos} todos
   * @param {Sync} sync
   */
  constructor({ url, list, user }, todos, sync) {
    this.scope = new URL('..', new URL(url, location.href)).href;
    this.key = new URL(`todos/?list=${list}`, this.scope).href;
    this.isShared = !user; // what is a user's own is not left in a browser that others may use
    this.todos = todos;
    addEventListener('load', () => this.register());
    for (const news of /** @type {const} */ (['saved', 'gone', 'list'])) {
      sync.on(news, () => this.keepSoon());
    }
  }

  async register() {
    try {
      await navigator.serviceWorker.register(new URL('sw.js', this.scope));
      await navigator.serviceWorker.ready;
      this.keepSoon();
    } catch {
      // There is none without HTTPS, in some private windows, or where site data is blocked.
    }
  }

  keepSoon() {
    this.timeout ??= setTimeout(() => this.keep(), DELAY);
  }

  async keep() {
    this.timeout = undefined;
    const saved = this.todos.all.map((todo) => todo.saved).filter(({ id }) => id !== undefined);
    try {
      const name = `todomvc ${this.scope}`;
      if (!await caches.has(name)) return; // there is no worker that would show them
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        if (request.url.includes('todos/?list=') && request.url !== this.key) {
          await cache.delete(request);
        }
      }
      if (this.isShared) await cache.put(this.key, new Response(JSON.stringify(saved)));
    } catch {
      // Then the page opens without them.
    }
  }
}
