import { JSONStorage, Outbox } from './outbox.js';
import { TabLock } from './sender.js';
import { Server } from './server.js';
import { Sync } from './sync.js';
import { Todos } from './todos.js';
import { AppView, partsOf } from './views.js';

/** @type {Clock} */
const clock = {
  now: () => Date.now(),
  setTimeout: (work, milliseconds) => setTimeout(work, milliseconds),
  clearTimeout: (timeout) => clearTimeout(timeout),
  abortAfter: (milliseconds) => AbortSignal.timeout(milliseconds),
};
const page = /** @type {HTMLElement} */ (document.querySelector('#todos'));
const url = page.dataset.url ?? '';
const user = page.dataset.user ?? '';
const list = page.dataset.list ?? '';
const name = `todomvc ${user}${url} ${list}`;

const { random } = Math;
const storage = new JSONStorage(() => localStorage);
const outbox = new Outbox(name, { storage, clock, randomKey });
const sync = new Sync({
  outbox,
  server: new Server({ url, list, user }, { fetch: (...request) => fetch(...request), clock }),
  lock: new TabLock(name, { locks: navigator.locks, storage, clock, random }),
  channel: new BroadcastChannel(name),
  clock,
  random,
  randomKey,
});
const todos = new Todos(JSON.parse(page.textContent ?? '[]'), sync);

new AppView(partsOf(document), { todos, sync });
sync.start();
listenToPage();

/** What the browser tells of the network, of the user, and of the end. */
function listenToPage() {
  const [navigation] = performance.getEntriesByType('navigation');
  addEventListener('online', () => sync.wake());
  addEventListener('focus', () => sync.wake());
  addEventListener('visibilitychange', () => document.hidden || sync.wake());
  addEventListener('pageshow', ({ persisted }) => persisted && sync.wake());
  addEventListener('pagehide', () => {
    const { activeElement } = document;
    if (activeElement instanceof HTMLElement) activeElement.blur(); // saves what is in an editor
    sync.leave();
  });
  addEventListener('beforeunload', (event) => outbox.unsafe.size && event.preventDefault());
  const { type } = /** @type {PerformanceNavigationTiming} */ (navigation);
  if (type === 'back_forward') sync.wake();
}

/** (crypto.randomUUID is missing without HTTPS.) */
function randomKey() {
  return crypto.getRandomValues(new Uint32Array(4)).join('-');
}
