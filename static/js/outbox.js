const LATE = 60_000;

/**
 * What is owed to the server, kept in localStorage so that it outlives the page.
 *
 * Every change is a record of its own, under a key of its own: `todomvc <url> <order> <tab>`. Tabs only add and remove
 * records, so two that write at once never overwrite each other. A todo is named by its `ref`: its id, or until it has
 * one, the Idempotency-Key of its create. A record is one of
 *
 *   { ref, create, after, sent }  the body to POST, the last id known before it, and whether it may have arrived
 *   { ref, id, at }               the same, answered: kept a while for what still names the todo by its key
 *   { ref, changes }              the fields to PATCH
 *   { ref, destroy: true }
 */
export class Outbox {
  #storage = openStorage();
  #prefix;
  #tab = randomHex(4);
  #order = 0;
  #records = new Map();
  #owed = new Map();
  #ids = new Map();
  #unsafe = new Set();

  constructor(url) {
    this.#prefix = `todomvc ${url} `;
    this.reload();
    this.forget([...this.#records].filter(([, { at }]) => Date.now() - at > LATE).map(([key]) => key));
  }

  /** How many todos are owed something. */
  get size() {
    return this.#owed.size;
  }

  /** True while something is owed that would go with the page, as localStorage is missing or full. */
  get unsafe() {
    return this.#unsafe.size > 0;
  }

  /** The todos that are owed something, oldest first; a ref that is a string still waits for its create. */
  refs() {
    return this.#owed.keys();
  }

  /**
   * All that is owed to one todo, or undefined: `keys`, of all its records; `create`, `after`, `sent` and `first`, its
   * create and its key; `changes`, merged, and `changed`, their keys; `destroy` and `destroyed`, its key.
   */
  debt(ref) {
    const keys = this.#owed.get(this.#ids.get(ref) ?? ref);
    if (!keys) return undefined;
    const debt = { keys: [...keys], changes: {}, changed: [] };
    for (const key of keys) addTo(debt, key, this.#records.get(key));
    return debt;
  }

  /** Creates that the server may know already, though no answer came. */
  unanswered() {
    const creates = [...this.refs()].filter((ref) => typeof ref === 'string');
    return creates.map((ref) => this.debt(ref)).filter(({ sent }) => sent);
  }

  add(record) {
    this.#order = Math.max(Date.now(), this.#order + 1);
    const key = `${this.#prefix}${this.#order} ${this.#tab}`;
    this.put(key, record);
    return key;
  }

  put(key, record) {
    this.#remember(key, record);
    try {
      this.#storage.setItem(key, JSON.stringify(record));
      this.#unsafe.delete(key);
    } catch {
      this.#unsafe.add(key);
    }
  }

  /** Another tab's record: that tab has stored it, or has nowhere to. */
  hear(key, record) {
    if (this.#storage) this.#remember(key, record);
  }

  forget(keys) {
    for (const key of keys) {
      this.#drop(key);
      this.#unsafe.delete(key);
      this.#storage?.removeItem(key);
    }
  }

  isOwn(key) {
    return key.endsWith(this.#tab);
  }

  /** Moves a todo behind the others, so that one that fails does not hold them up; creates keep their order. */
  postpone(ref) {
    const keys = this.#owed.get(ref);
    if (!keys || typeof ref === 'string') return;
    this.#owed.delete(ref);
    this.#owed.set(ref, keys);
  }

  /** Reads what other tabs have written and removed. */
  reload() {
    const stored = this.#read();
    for (const key of this.#records.keys()) if (this.#storage && !stored.has(key) && !this.#unsafe.has(key)) this.#drop(key);
    for (const [key, record] of stored) if (!this.#unsafe.has(key)) this.#remember(key, record);
  }

  #read() {
    const keys = Object.keys(this.#storage ?? {}).filter((key) => key.startsWith(this.#prefix)).sort();
    return new Map(keys.map((key) => [key, parse(this.#storage.getItem(key))]).filter(([, record]) => record));
  }

  #remember(key, record) {
    this.#order = Math.max(this.#order, parseInt(key.slice(this.#prefix.length), 10));
    if (record.id !== undefined) this.#identify(key, record);
    else this.#link(key, this.#ids.get(record.ref) ?? record.ref);
    this.#records.set(key, record);
  }

  #link(key, ref) {
    const keys = this.#owed.get(ref);
    if (!keys) this.#owed.set(ref, [key]);
    else if (!keys.includes(key)) keys.push(key);
  }

  #identify(key, { ref, id }) {
    this.#drop(key);
    this.#ids.set(ref, id);
    const late = this.#owed.get(ref) ?? [];
    this.#owed.delete(ref);
    for (const each of late) this.#link(each, id);
  }

  #drop(key) {
    const { ref, id } = this.#records.get(key) ?? {};
    const name = this.#ids.get(ref) ?? ref;
    const rest = this.#owed.get(name)?.filter((each) => each !== key);
    if (rest?.length) this.#owed.set(name, rest);
    else this.#owed.delete(name);
    if (id !== undefined) this.#ids.delete(ref);
    this.#records.delete(key);
  }
}

/** `bytes` random bytes in hex. (crypto.randomUUID is missing where the page came over plain HTTP from another host.) */
export function randomHex(bytes) {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function addTo(debt, key, { create, after, sent, changes, destroy }) {
  if (create) Object.assign(debt, { create, after, sent, first: key });
  if (destroy) Object.assign(debt, { destroy, destroyed: key, changes: {} });
  if (changes) debt.changed.push(key);
  Object.assign(debt.changes, changes);
}

function openStorage() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
