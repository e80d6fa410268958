import { AppView } from './app-view.js';
import { Drafts } from './drafts.js';
import { partsOf } from './elements.js';
import { Offline } from './offline.js';
import { JSONStorage, Outbox, waitingElsewhere } from './outbox.js';
import { TabLock } from './sender.js';
import { Server } from './server.js';
import { Sync } from './sync.js';
import { Todos } from './todos.js';
import { Undo } from './undo.js';

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
const address = `todomvc ${user}${url}`; // all lists that were ever here, of this user
const name = `${address} ${list}`;

const { random } = Math;
const channel = openChannel(); // before the outbox is read, so that nothing is missed in between
const storage = new JSONStorage(() => localStorage);
const outbox = new Outbox(name, { storage, clock, randomKey });
const sync = new Sync({
  outbox,
  undo: new Undo(name, { outbox, storage, clock, randomKey }),
  server: new Server({ url, list, user }, { fetch: (...request) => fetch(...request), clock }),
  lock: new TabLock(`sending: ${name}`, { locks: navigator.locks, storage, clock, random }),
  channel,
  clock,
  random,
  randomKey,
});
const todos = new Todos(JSON.parse(page.textContent ?? '[]'), sync);

const tabStorage = new JSONStorage(() => sessionStorage);
const drafts = new Drafts(name, { storage, tabStorage, clock, randomKey });
const waiting = waitingElsewhere(storage, address, name);

new AppView(partsOf(document), { todos, sync, drafts, waiting });
new Offline({ url, list, user }, todos, sync);
if ('offline' in page.dataset) sync.startOffline();
else sync.start(Date.now() - performance.now());
listenToPage();

/** What the browser tells of the network, of the user, and of the end. */
function listenToPage() {
  const [navigation] = performance.getEntriesByType('navigation');
  addEventListener('online', () => sync.wake());
  addEventListener('focus', () => sync.wake());
  addEventListener('visibilitychange', () => (document.hidden ? sync.hide() : sync.wake()));
  addEventListener('pageshow', ({ persisted }) => persisted && sync.wake());
  addEventListener('pagehide', () => {
    const { activeElement } = document;
    if (activeElement instanceof HTMLElement) activeElement.blur(); // saves what is in an editor
    sync.leave();
  });
  addEventListener('beforeunload', (event) => outbox.unsafe.size && event.preventDefault());
  const { type } = /** @type {any} */ (navigation ?? {});
  if (type === 'back_forward') sync.wake();
}

/**
 * @returns {Channel} to the other tabs, if there is one: where site data is blocked it may be
 * refused
 */
function openChannel() {
  try {
    return new BroadcastChannel(name);
  } catch {
    return { postMessage: () => {}, onmessage: null };
  }
}

/** (crypto.randomUUID is missing without HTTPS.) */
function randomKey() {
  return crypto.getRandomValues(new Uint32Array(4)).join('-');
}
