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
const name = `todomvc ${user}${url}`;

const { random } = Math;
const storage = new JSONStorage(() => localStorage);
const outbox = new Outbox(name, { storage, clock, randomKey });
const sync = new Sync({
  outbox,
  server: new Server(url, { fetch: (...request) => fetch(...request), clock }),
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
listenToOtherUsers();

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

/** When another user's page is opened, what this one owes waits. */
function listenToOtherUsers() {
  const users = new BroadcastChannel(url);
  users.onmessage = ({ data }) => {
    if (data === user) return;
    outbox.isClosed = true;
    location.reload();
  };
  users.postMessage(user);
}

/** (crypto.randomUUID is missing without HTTPS.) */
function randomKey() {
  return crypto.getRandomValues(new Uint32Array(4)).join('-');
}
