/**
 * What is owed to the server. Each change that the user makes is a debt until the server has
 * confirmed it.
 *
 * Each debt is a record under a key of its own in localStorage, so that no tab overwrites
 * another's. The key begins with the outbox's name and a number that grows, so that sorted keys are
 * in the order of the changes.
 *
 * A todo is named by its id or, until the server has given it one, by the Idempotency-Key of its
 * creation.
 */

export class Outbox {
  lastOrder = 0;

  /** @type {Map<string, Debt>} by record key */
  records = new Map();

  /**
   * @type {Map<TodoKey, Set<string>>} the record keys of each todo; its order is the order of
   *   sending
   */
  recordKeys = new Map();

  /** @type {Map<string, Words>} what the user has to take or dismiss, by record key */
  words = new Map();

  /** @type {Map<TodoKey, number>} the ids of todos that were created here */
  ids = new Map();

  /** @type {Set<string>} keys of records that are gone: what another tab says of them comes late */
  forgotten = new Set();

  /** @type {Set<string>} keys of records that could not be stored */
  unsafe = new Set();

  /**
   * @param {string} name what the keys of the records begin with
   * @param {object} parts
   * @param {JSONStorage} parts.storage
   * @param {Clock} parts.clock
   * @param {() => string} parts.randomKey
   */
  constructor(name, { storage, clock, randomKey }) {
    this.prefix = `${name} `;
    this.inUseKey = `in use: ${name}`;
    this.answerKey = `answered: ${name}`;
    this.storage = storage;
    this.clock = clock;
    this.randomKey = randomKey;
    this.reload();
  }

  owed(todoKey) {
    const recordKeys = this.recordKeys.get(this.currentKey(todoKey));
    if (!recordKeys) return undefined;
    /** @type {Owed} */
    const owed = { recordKeys: [...recordKeys].sort(), changes: {}, seen: {}, isDeleted: false };
    for (const recordKey of owed.recordKeys) { // another tab's may have come late
      const debt = /** @type {Debt} */ (this.records.get(recordKey));
      this.addSeen(owed, debt);
      if (debt.type === 'create') owed.creation = debt;
      if (debt.type === 'change') Object.assign(owed.changes, debt.fields);
      if (debt.type === 'delete') owed.changes = {};
      owed.isDeleted = debt.type === 'delete'; // what is changed later, in another tab, stays
    }
    return owed;
  }

  /** Gathers what the user has seen in each field, or has put there. */
  addSeen({ seen }, debt) {
    for (const fields of [debt.seen, debt.fields]) {
      for (const [name, value] of Object.entries(fields ?? {})) (seen[name] ??= []).push(value);
    }
  }

  /** @returns {TodoKey[]} the todos that something is owed to */
  todoKeys() {
    return [...this.recordKeys.keys()];
  }

  /**
   * Creations go one after the other, as their ids give the order of the list.
   * @param {(todoKey: TodoKey) => boolean} [isHeld] tells what has to wait
   * @returns {TodoKey[]} the todos whose debts may be sent now
   */
  ready(isHeld = () => false) {
    const todoKeys = this.todoKeys().filter((key) => !isHeld(key));
    const nextCreation = todoKeys.find(isUnidentified);
    return todoKeys.filter((key) => key === nextCreation || !isUnidentified(key));
  }

  /** @returns {string} the key of its record */
  add(debt) {
    const order = Math.max(this.clock.now(), this.lastOrder + 1);
    const recordKey = `${this.prefix}${order} ${this.randomKey()}`;
    this.put(recordKey, debt);
    return recordKey;
  }

  put(recordKey, debt) {
    this.remember(recordKey, debt);
    if (this.storage.write(recordKey, debt)) this.unsafe.delete(recordKey);
    else this.unsafe.add(recordKey);
  }

  /** Keeps words that the server did not take in the place of the debt that they were owed by. */
  keepWords({ recordKey, words }) {
    this.drop(recordKey);
    this.put(recordKey, words);
  }

  /** @returns {number} when an answer last came to any tab, in milliseconds since 1970 */
  get lastAnswer() {
    return Number(this.storage.read(this.answerKey));
  }

  /** To be called before the records that it settles go. */
  noteAnswer() {
    this.storage.write(this.answerKey, this.clock.now());
  }

  /** @param {string[]} recordKeys of debts that are paid */
  forget(recordKeys) {
    for (const recordKey of recordKeys) {
      this.forgotten.add(recordKey);
      this.drop(recordKey);
      this.unsafe.delete(recordKey);
      this.storage.remove(recordKey);
    }
  }

  /** Names a todo by the id that the server gave it. */
  identify(todoKey, id) {
    const recordKeys = this.recordKeys.get(todoKey) ?? [];
    this.recordKeys.delete(todoKey);
    this.ids.set(todoKey, id);
    for (const recordKey of recordKeys) {
      const debt = /** @type {Debt} */ (this.records.get(recordKey));
      this.put(recordKey, { ...debt, todoKey: id });
    }
  }

  /** Puts a todo that fails last. (Not a creation: their order is that of the list.) */
  postpone(todoKey) {
    const recordKeys = this.recordKeys.get(todoKey);
    if (!recordKeys || isUnidentified(todoKey)) return;
    this.recordKeys.delete(todoKey);
    this.recordKeys.set(todoKey, recordKeys);
  }

  /**
   * Reads what other tabs did. Records that are gone from the storage were sent by another tab,
   * unless all else is gone, too: then the user cleared the site's data, and what this tab still
   * owes is stored again. The key of use tells.
   */
  reload() {
    const isCleared = !this.storage.read(this.inUseKey);
    this.storage.write(this.inUseKey, true);
    for (const [recordKey, debt] of [...this.records, ...this.words]) {
      if (isCleared || this.unsafe.has(recordKey)) this.put(recordKey, debt);
    }
    const stored = new Set(this.storage.keys(this.prefix));
    for (const recordKey of [...this.records.keys(), ...this.words.keys()]) {
      if (!stored.has(recordKey) && !this.unsafe.has(recordKey)) this.drop(recordKey);
    }
    for (const recordKey of stored) {
      if (!this.unsafe.has(recordKey)) this.remember(recordKey, this.storage.read(recordKey));
    }
  }

  /** @param {Debt | Words | null} debt null if its record cannot be read */
  remember(recordKey, debt) {
    if (!debt?.type) return;
    const order = parseInt(recordKey.slice(this.prefix.length), 10);
    this.lastOrder = Math.max(this.lastOrder, order);
    if (debt.type === 'words') {
      this.drop(recordKey);
      this.words.set(recordKey, debt);
      return;
    }
    const todoKey = this.currentKey(debt.todoKey);
    const recordKeys = this.recordKeys.get(todoKey) ?? new Set();
    recordKeys.add(recordKey);
    this.recordKeys.set(todoKey, recordKeys);
    this.records.set(recordKey, debt);
  }

  drop(recordKey) {
    this.words.delete(recordKey);
    const debt = this.records.get(recordKey);
    if (!debt) return;
    const todoKey = this.currentKey(debt.todoKey);
    const recordKeys = this.recordKeys.get(todoKey);
    recordKeys?.delete(recordKey);
    if (!recordKeys?.size) this.recordKeys.delete(todoKey);
    this.records.delete(recordKey);
  }

  currentKey(todoKey) {
    return this.ids.get(todoKey) ?? todoKey;
  }
}

/**
 * What this browser owes to other lists that were at this address, of the same user, and what was
 * typed for them. It waits for them.
 * @param {JSONStorage} storage
 * @param {string} prefix what the names of all these lists' outboxes begin with
 * @param {string} name of the outbox of this list
 * @returns {Waiting}
 */
export function waitingElsewhere(storage, prefix, name) {
  const keys = ['', 'draft: '].flatMap((kind) =>
    storage.keys(`${kind}${prefix} `).filter((key) => !key.startsWith(`${kind}${name} `)));
  return {
    count: keys.length,
    titles: keys.flatMap((key) => wordsIn(storage.read(key))),
    forget: () => keys.forEach((key) => storage.remove(key)),
  };
}

/** @returns {string[]} the words in a record; version 1.0 had them in `create` and `changes` */
function wordsIn(record) {
  const { fields, create, changes, text, input, editor } = record ?? {};
  const { title } = { ...create, ...changes, ...fields };
  return [title, text, input, editor?.text].filter(Boolean);
}

/** @returns {todoKey is string} */
export function isUnidentified(todoKey) {
  return typeof todoKey === 'string';
}

/**
 * JSON values in localStorage, which may be forbidden, full, or written by others. Nothing here
 * throws.
 */
export class JSONStorage {
  /**
   * @param {() => Storage} open gives localStorage; even to name it throws where site data is
   *   blocked
   */
  constructor(open) {
    this.open = open;
  }

  /**
   * @param {string} key
   * @returns {any} null where there is nothing that can be read
   */
  read(key) {
    try {
      return JSON.parse(this.open().getItem(key) ?? 'null');
    } catch {
      return null;
    }
  }

  /**
   * @param {string} key
   * @param {unknown} value
   * @returns {boolean} whether it was stored
   */
  write(key, value) {
    try {
      this.open().setItem(key, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  }

  /** @param {string} key */
  remove(key) {
    try {
      this.open().removeItem(key);
    } catch {
      // What cannot be reached holds nothing.
    }
  }

  /**
   * @param {string} prefix
   * @returns {string[]} the keys that start with it, sorted
   */
  keys(prefix) {
    try {
      return Object.keys(this.open()).filter((key) => key.startsWith(prefix)).sort();
    } catch {
      return [];
    }
  }
}
