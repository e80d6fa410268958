/**
 * What is owed to the server. Each change has a key of its own in localStorage, so that no tab overwrites another's.
 * `ref` is an id or the Idempotency-Key of a create: its body, the last id known before, and whether it was `sent`.
 */
export class Outbox {
  order = 0;
  records = new Map();
  owed = new Map(); // the keys of each ref
  ids = new Map();
  unsafe = new Set(); // keys that were not stored

  constructor(name) {
    this.prefix = `${name} `;
    this.mark = `in use: ${name}`;
    this.reload();
  }

  /** All that is owed to a todo, merged. */
  debt(ref) {
    const keys = this.owed.get(this.name(ref));
    if (!keys) return undefined;
    const debt = { keys: [...keys], changes: {} };
    for (const key of keys) {
      const { changes, ...rest } = this.records.get(key);
      Object.assign(debt, rest);
      debt.changes = rest.destroy ? {} : { ...debt.changes, ...changes };
    }
    return debt;
  }

  /** What may be sent: creates one after the other, as their ids give the order of the list. */
  ready() {
    const refs = this.isClosed ? [] : [...this.owed.keys()];
    const first = refs.find(isKey);
    return refs.filter((ref) => ref === first || !isKey(ref));
  }

  add(record) {
    const key = `${this.prefix}${Math.max(Date.now(), this.order + 1)} ${randomKey()}`;
    this.put(key, record);
    return key;
  }

  put(key, record) {
    this.remember(key, record);
    this.unsafe[storage.set(key, record) ? 'delete' : 'add'](key);
  }

  forget(keys) {
    for (const key of keys) {
      this.drop(key);
      this.unsafe.delete(key);
      storage.delete(key);
    }
  }

  identify(ref, id) {
    const keys = this.owed.get(ref) ?? [];
    this.owed.delete(ref);
    this.ids.set(ref, id);
    for (const key of keys) this.put(key, { ...this.records.get(key), ref: id });
  }

  /** Puts a todo that fails last. */
  postpone(ref) {
    const keys = this.owed.get(ref);
    if (!isKey(ref) && this.owed.delete(ref)) this.owed.set(ref, keys);
  }

  /** Reads what other tabs did. Where the mark is gone, the user cleared all. */
  reload() {
    const cleared = !storage.get(this.mark);
    storage.set(this.mark, true);
    for (const [key, record] of this.records) if (cleared || this.unsafe.has(key)) this.put(key, record);
    const stored = new Set(storage.keys(this.prefix));
    for (const key of this.records.keys()) if (!stored.has(key) && !this.unsafe.has(key)) this.drop(key);
    for (const key of stored) if (!this.unsafe.has(key)) this.remember(key, storage.get(key));
  }

  remember(key, record) {
    if (!record) return;
    const ref = this.name(record.ref);
    if (!this.owed.has(ref)) this.owed.set(ref, new Set());
    this.owed.get(ref).add(key);
    this.records.set(key, record);
    this.order = Math.max(this.order, parseInt(key.slice(this.prefix.length), 10));
  }

  drop(key) {
    const ref = this.name(this.records.get(key)?.ref);
    const keys = this.owed.get(ref);
    keys?.delete(key);
    if (!keys?.size) this.owed.delete(ref);
    this.records.delete(key);
  }

  name(ref) {
    return this.ids.get(ref) ?? ref;
  }
}

/** What one tab does at a time. */
export class Turn {
  constructor(name) {
    this.name = name;
  }

  /** Plain HTTP has no Web Locks: a lease has to do. */
  async take(work) {
    const begin = async () => {
      if (this.waiting) await sleep(100); // let the last words of the other tab arrive
      this.waiting = false;
      await work();
      return true;
    };
    if (!navigator.locks) return this.lease(begin);
    const lock = (options) => navigator.locks.request(this.name, options, (taken) => taken && begin());
    this.waiting = !(await lock({ ifAvailable: true }));
    if (this.waiting) await lock({});
  }

  async lease(begin) {
    const left = () => storage.get(this.name) - Date.now();
    const renew = () => storage.set(this.name, Date.now() + 3000);
    await sleep(20 * Math.random());
    for (; left() > 0 && left() <= 3000; await sleep(100)) this.waiting = true; // longer: the clock was wrong
    renew();
    const timer = setInterval(renew, 1000);
    await begin();
    clearInterval(timer);
    storage.delete(this.name);
  }
}

/** localStorage, which may be forbidden, full, or written by others. */
const storage = {
  get: (key) => attempt(() => JSON.parse(localStorage[key])),
  set: (key, value) => attempt(() => !localStorage.setItem(key, JSON.stringify(value))),
  delete: (key) => attempt(() => localStorage.removeItem(key)),
  keys: (prefix) => attempt(() => Object.keys(localStorage).filter((key) => key.startsWith(prefix)).sort()) ?? [],
};

function attempt(act) {
  try {
    return act();
  } catch {
    return undefined;
  }
}

function isKey(ref) {
  return typeof ref === 'string';
}

/** (crypto.randomUUID is missing without HTTPS.) */
export function randomKey() {
  return crypto.getRandomValues(new Uint32Array(4)).join('-');
}

export function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
