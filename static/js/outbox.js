/**
 * What is owed to the server. Each change has a key of its own, `todomvc <url> <order> <tab>`, so that no tab overwrites
 * another's. `ref` is an id or the Idempotency-Key of a create: { ref, create, after, sent }, the body, the last id known
 * before it, and whether it may have arrived.
 */
export class Outbox {
  tab = randomHex(4);
  order = 0;
  records = new Map();
  owed = new Map();
  ids = new Map();
  unsafe = new Set(); // keys that were not stored

  constructor(url, storage) {
    this.prefix = `todomvc ${url} `;
    this.mark = `todomvc:${url}`;
    this.storage = storage;
    this.reload();
  }

  /** All that is owed to a todo, merged. */
  debt(ref) {
    const keys = this.owed.get(this.name(ref));
    if (!keys) return undefined;
    const debt = { keys, changes: {}, changeKeys: [] };
    for (const key of keys) merge(debt, key, this.records.get(key));
    return debt;
  }

  add(record) {
    const key = `${this.prefix}${Math.max(Date.now(), this.order + 1)} ${this.tab}`;
    this.put(key, record);
    return key;
  }

  put(key, record) {
    this.remember(key, record);
    this.unsafe[store(this.storage, key, JSON.stringify(record)) ? 'delete' : 'add'](key);
  }

  forget(keys) {
    for (const key of keys) {
      this.drop(key);
      this.unsafe.delete(key);
      this.storage?.removeItem(key);
    }
  }

  identify(ref, id) {
    const keys = this.owed.get(ref) ?? [];
    this.owed.delete(ref);
    this.ids.set(ref, id);
    for (const key of keys) this.put(key, { ...this.records.get(key), ref: id });
  }

  /** Puts a todo that fails last. Creates keep their order. */
  postpone(ref) {
    const keys = this.owed.get(ref);
    if (!isKey(ref) && this.owed.delete(ref)) this.owed.set(ref, keys);
  }

  /** Reads what other tabs did. Where the mark is gone, the user cleared all. */
  reload() {
    if (!this.storage) return;
    const cleared = !this.storage.getItem(this.mark);
    store(this.storage, this.mark, 'in use');
    for (const [key, record] of this.records) if (cleared || this.unsafe.has(key)) this.put(key, record);
    const stored = Object.keys(this.storage).filter((key) => key.startsWith(this.prefix)).sort();
    const known = new Set([...stored, ...this.unsafe]);
    for (const key of this.records.keys()) if (!known.has(key)) this.drop(key);
    for (const key of stored) if (!this.unsafe.has(key)) this.remember(key, read(this.storage, key));
  }

  remember(key, record) {
    if (!record) return;
    const ref = this.name(record.ref);
    const keys = this.owed.get(ref) ?? [];
    if (!keys.includes(key)) this.owed.set(ref, [...keys, key]);
    this.records.set(key, record);
    this.order = Math.max(this.order, parseInt(key.slice(this.prefix.length), 10));
  }

  drop(key) {
    const ref = this.name(this.records.get(key)?.ref);
    const rest = this.owed.get(ref)?.filter((each) => each !== key) ?? [];
    if (rest.length) this.owed.set(ref, rest);
    else this.owed.delete(ref);
    this.records.delete(key);
  }

  name(ref) {
    return this.ids.get(ref) ?? ref;
  }
}

export function isKey(ref) {
  return typeof ref === 'string';
}

/** (crypto.randomUUID is missing without HTTPS.) */
export function randomHex(length) {
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function merge(debt, key, { create, after, sent, changes, destroy }) {
  if (create) Object.assign(debt, { create, after, sent, createKey: key });
  if (destroy) Object.assign(debt, { destroy, destroyKey: key, changes: {} });
  if (changes) debt.changeKeys.push(key);
  Object.assign(debt.changes, changes);
}

export function openStorage() {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

/** Says whether there was room. */
export function store(storage, key, text) {
  try {
    storage.setItem(key, text);
    return true;
  } catch {
    return false;
  }
}

function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key));
  } catch {
    return undefined;
  }
}
