/** A world for the client's model: a server of the API's contract, a network, a clock, and the tabs of one browser. */

import { JSONStorage, Outbox } from '../../static/js/outbox.js';
import { TabLock } from '../../static/js/sender.js';
import { Server } from '../../static/js/server.js';
import { Sync } from '../../static/js/sync.js';
import { Todos } from '../../static/js/todos.js';
import { Undo } from '../../static/js/undo.js';

const URL = '/todos/';

/** Lets all promises go on that can. */
export function flush() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** One list on the server, and all that was ever written to it. */
class List {
  constructor(name, user = 'alice') {
    this.name = name;
    this.user = user;
    this.todos = [];
    this.keys = new Map();
    this.titles = new Set();
    this.created = [];
  }

  put(todo) {
    this.todos[todo.id] = todo;
    this.titles.add(todo.title);
    return todo;
  }

  tag(todo) {
    return `"${this.name} ${JSON.stringify(todo)}"`;
  }
}

export class World {
  time = 1_000_000;
  timers = [];
  tabs = [];
  pending = [];
  requested = null; // the page that a tab is loading
  channels = new Set();
  faults = []; // writes that should not have been
  lists = {
    home: new List('home'),
    other: new List('other'),
    restored: new List('restored'), // from a backup: it has the same todos under the same ids
    bobs: new List('bobs', 'bob'),
  };
  current = 'home';
  isAutomatic = false;
  /** Whether a write arrived that its tab had given up: what it finds may look as if nothing had happened meanwhile. */
  isOvertaken = false;
  keys = 0;

  constructor() {
    this.local = Object.create({
      getItem(key) { return this[key] ?? null; },
      setItem(key, value) { this[key] = String(value); },
      removeItem(key) { delete this[key]; },
    });
    this.locks = new Map();
  }

  get list() {
    return this.lists[this.current];
  }

  // The server

  handle({ method, url, headers, body }) {
    const { list } = this;
    const reply = (status, answer, more = {}) => {
      return { status, body: answer, headers: { 'Todo-List': list.name, ...more } };
    };
    const path = url.slice(URL.length);
    const id = Number(path);
    if (method !== 'GET') {
      const named = headers.get('Todo-List');
      if (!named) this.faults.push(`${method} ${url} names no list`);
      if (headers.get('Todo-User') !== list.user) {
        return reply(409, { type: 'https://example.com/other-user' });
      }
      if (named !== list.name) return reply(409, { type: 'https://example.com/other-list' });
    }
    if (!path && method === 'GET') {
      const todos = list.todos.filter(Boolean);
      const tag = JSON.stringify(JSON.stringify(todos));
      return headers.get('If-None-Match') === tag ? reply(304, null) : reply(200, todos, { ETag: tag });
    }
    if (method === 'POST') {
      const key = headers.get('Idempotency-Key');
      if (!list.keys.has(key)) {
        const todo = list.put({ ...body, id: list.todos.length });
        list.keys.set(key, todo.id);
        list.created.push(todo.title);
      }
      const todo = list.todos[list.keys.get(key)];
      return todo ? reply(201, todo, { ETag: list.tag(todo) }) : reply(410, {});
    }
    const todo = list.todos[id];
    if (!todo) return reply(404, {});
    if (method === 'GET') return reply(200, todo, { ETag: list.tag(todo) });
    const condition = headers.get('If-Match');
    if (!condition) this.faults.push(`${method} ${url} has no condition`);
    if (condition && condition !== list.tag(todo)) return reply(412, {});
    if (method === 'DELETE') {
      this.checkSeen(todo);
      this.checkNotOffered(id);
      list.todos[id] = null;
      return reply(200, todo);
    }
    if ('title' in body && body.title !== todo.title) this.checkSeen(todo);
    const changed = list.put({ ...todo, ...body });
    return reply(200, changed, { ETag: list.tag(changed) });
  }

  /** What nobody in front of this browser has seen must not go. */
  checkSeen({ title }) {
    if (!this.seen.has(title)) this.faults.push(`“${title}” was overwritten unseen`);
  }

  /** What the user may still take back must not go. */
  checkNotOffered(id) {
    const isOffered = this.tabs.some(({ undo, frozen }) => !frozen && undo.isOpen && undo.holds(id));
    if (isOffered) this.faults.push(`todo ${id} was deleted while its undo was offered`);
  }

  seen = new Set();

  // The network

  fetch(tab, url, { method = 'GET', headers = {}, body, signal } = {}) {
    return new Promise((resolve, reject) => {
      const request = { method, url, headers: new Headers(headers), body: body && JSON.parse(body) };
      const exchange = { tab, request, resolve, reject, isLate: false };
      signal?.addEventListener('abort', () => {
        exchange.isLate = true; // the client has given up; the request may arrive yet
        reject(new Error('timeout'));
      });
      this.pending.push(exchange);
      if (this.isAutomatic) this.deliver(exchange, 'answer');
    });
  }

  /** how: answer, lose (the answer), drop (the request), foreign (something else answers), or 200 with other JSON. */
  deliver(exchange, how) {
    this.pending = this.pending.filter((each) => each !== exchange);
    const { tab, request, resolve, reject } = exchange;
    this.isOvertaken ||= exchange.isLate && request.method !== 'GET';
    const isForeign = how === 'foreign' || how === 'success';
    const answer = how === 'drop' || isForeign ? null : this.handle(request);
    this.reach(tab, () => {
      if (how === 'answer') resolve(responseOf(answer));
      else if (how === 'foreign') resolve(responseOf({ status: 404, body: { detail: 'no backend' }, headers: {} }));
      else if (how === 'success') resolve(responseOf({ status: 200, body: { success: false }, headers: {} }));
      else reject(new Error('connection lost'));
    });
  }

  /** Lets something happen in a tab; in one that is frozen when it thaws. */
  reach(tab, work) {
    if (tab.frozen) tab.frozen.push(work);
    else if (tab.isAlive) work();
  }

  // The browser

  /** Asks the server for the page; its script runs later. */
  request() {
    this.requested = { time: this.time, list: structuredClone(this.lists.home.todos.filter(Boolean)) };
  }

  open() {
    if (!this.requested) this.request();
    const { time, list } = this.requested;
    this.requested = null;
    const tab = { isAlive: true, frozen: null };
    const clock = {
      now: () => this.time,
      setTimeout: (work, ms) => {
        const timer = { at: this.time + ms, work, tab };
        this.timers.push(timer);
        return timer;
      },
      clearTimeout: (timer) => {
        this.timers = this.timers.filter((each) => each !== timer);
      },
      abortAfter: (ms) => {
        const controller = new AbortController();
        clock.setTimeout(() => controller.abort(), ms);
        return controller.signal;
      },
    };
    const storage = new JSONStorage(() => this.local);
    const name = `todomvc ${URL} home`;
    const randomKey = () => `key-${(this.keys += 1)}`;
    const outbox = new Outbox(name, { storage, clock, randomKey });
    const locks = { request: (...request) => this.lock(tab, ...request) };
    const random = () => 0.5;
    tab.channel = { postMessage: (data) => this.post(tab, data), onmessage: null };
    tab.outbox = outbox;
    tab.undo = new Undo(name, { outbox, storage, clock, randomKey });
    tab.sync = new Sync({
      outbox,
      undo: tab.undo,
      server: new Server({ url: URL, list: 'home', user: 'alice' }, {
        fetch: (url, options) => this.fetch(tab, url, options),
        clock,
      }),
      lock: new TabLock(name, { locks, storage, clock, random }),
      channel: tab.channel,
      clock,
      random,
      randomKey,
    });
    tab.todos = new Todos(list, tab.sync);
    this.tabs.push(tab);
    this.look();
    tab.sync.start(time);
    return tab;
  }

  freeze(tab) {
    tab.frozen ??= [];
  }

  thaw(tab) {
    const works = tab.frozen ?? [];
    tab.frozen = null;
    for (const work of works) this.reach(tab, work);
  }

  kill(tab) {
    tab.isAlive = false;
    this.tabs = this.tabs.filter((each) => each !== tab);
    this.timers = this.timers.filter((each) => each.tab !== tab);
    for (const lock of this.locks.values()) {
      lock.queue = lock.queue.filter((each) => each.tab !== tab);
      if (lock.holder?.tab === tab) this.unlock(lock);
    }
  }

  post(from, data) {
    const copy = structuredClone(data);
    for (const tab of this.tabs) {
      if (tab === from) continue;
      setImmediate(() => this.reach(tab, () => tab.channel.onmessage?.({ data: copy })));
    }
  }

  lock(tab, name, ...rest) {
    const work = rest.at(-1);
    const { ifAvailable, signal } = rest.length > 1 ? rest[0] : {};
    if (!this.locks.has(name)) this.locks.set(name, { holder: null, queue: [] });
    const lock = this.locks.get(name);
    if (ifAvailable && lock.holder) return Promise.resolve(work(null));
    return new Promise((resolve, reject) => {
      const entry = { tab, start: () => Promise.resolve(work({})).then(resolve, reject) };
      lock.queue.push(entry);
      signal?.addEventListener('abort', () => {
        if (!lock.queue.includes(entry)) return;
        lock.queue = lock.queue.filter((each) => each !== entry);
        reject(new Error('timeout'));
      });
      if (!lock.holder) this.unlock(lock);
    });
  }

  unlock(lock) {
    const next = lock.queue.shift() ?? null;
    lock.holder = next;
    next?.start().finally(() => lock.holder === next && this.unlock(lock));
  }

  /** Lets time go by, and what was to happen in it happen. */
  async pass(milliseconds) {
    const end = this.time + milliseconds;
    for (;;) {
      await flush();
      const due = this.timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
      if (!due) break;
      this.timers = this.timers.filter((each) => each !== due);
      this.time = Math.max(this.time, due.at);
      this.reach(due.tab, due.work);
    }
    this.time = end;
    this.look();
  }

  /** What the user has before their eyes. */
  look() {
    for (const { todos } of this.tabs) for (const todo of todos.visible) this.seen.add(todo.title);
  }

  /** All is well from now on. Where nobody else has written, each tab knows all without having to ask. */
  async heal({ isAlone }) {
    this.current = 'home';
    this.isAutomatic = true;
    for (const tab of this.tabs) this.thaw(tab);
    for (const exchange of [...this.pending]) this.deliver(exchange, 'answer');
    if (!this.tabs.length) this.open();
    for (let round = 0; round < 30; round += 1) {
      await this.pass(1000);
      if (!isAlone) this.wake();
      await this.pass(30_000);
      if (this.tabs.every((tab) => !tab.outbox.todoKeys().length)) break;
    }
    await this.pass(1000);
    if (!isAlone) this.wake();
    await this.pass(1000);
  }

  wake() {
    for (const { sync } of this.tabs) sync.wake();
  }
}

function responseOf({ status, body, headers }) {
  const json = async () => structuredClone(body);
  return { status, ok: status < 300, type: 'basic', headers: new Headers(headers), json };
}
