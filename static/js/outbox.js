/**
 * What is owed to the server. Each change that the user makes is a debt until the server has confirmed it.
 *
 * Each debt is a record under a key of its own in localStorage, so that no tab overwrites another's. The key begins with
 * the outbox's name and a number that grows, so that sorted keys are in the order of the changes.
 *
 * A todo is named by its id or, until the server has given it one, by the Idempotency-Key of its creation.
 *
 * @typedef {number | string} TodoKey
 * @typedef {Record<string, any>} Fields some fields of a todo and their values
 *
 * @typedef {object} Creation
 * @property {'create'} type
 * @property {TodoKey} todoKey
 * @property {Fields} fields what is POSTed
 * @property {number} after the last id known when it was made, or -1
 * @property {boolean} sent whether it may have reached the server; then its fields stay, as its key demands
 *
 * @typedef {object} Change
 * @property {'change'} type
 * @property {TodoKey} todoKey
 * @property {Fields} fields
 *
 * @typedef {object} Deletion
 * @property {'delete'} type
 * @property {TodoKey} todoKey
 *
 * @typedef {Creation | Change | Deletion} Debt
 *
 * @typedef {object} Owed all debts of one todo
 * @property {string[]} recordKeys
 * @property {Creation | undefined} creation
 * @property {Fields} changes what is to change after the creation, merged
 * @property {boolean} isDeleted
 */

export class Outbox {
  lastOrder = 0;
  isClosed = false;

  /** @type {Map<string, Debt>} by record key */
  records = new Map();

  /** @type {Map<TodoKey, Set<string>>} the record keys of each todo; its order is the order of sending */
  recordKeys = new Map();

  /** @type {Map<TodoKey, number>} the ids of todos that were created here */
  ids = new Map();

  /** @type {Set<string>} keys of records that could not be stored */
  unsafe = new Set();

  /**
   * @param {string} name what the keys of the records begin with
   * @param {object} parts
   * @param {import('./storage.js').JSONStorage} parts.storage
   * @param {import('./clock.js').Clock} parts.clock
   * @param {() => string} parts.randomKey
   */
  constructor(name, { storage, clock, randomKey }) {
    this.prefix = `${name} `;
    this.inUseKey = `in use: ${name}`;
    this.storage = storage;
    this.clock = clock;
    this.randomKey = randomKey;
    this.reload();
  }

  /**
   * @param {TodoKey} todoKey
   * @returns {Owed | undefined}
   */
  owed(todoKey) {
    const recordKeys = this.recordKeys.get(this.currentKey(todoKey));
    if (!recordKeys) return undefined;
    /** @type {Owed} */
    const owed = { recordKeys: [...recordKeys], creation: undefined, changes: {}, isDeleted: false };
    for (const recordKey of recordKeys) {
      const debt = /** @type {Debt} */ (this.records.get(recordKey));
      if (debt.type === 'create') owed.creation = debt;
      if (debt.type === 'change') Object.assign(owed.changes, debt.fields);
      if (debt.type === 'delete') Object.assign(owed, { isDeleted: true, changes: {} });
    }
    return owed;
  }

  /** @returns {TodoKey[]} the todos that something is owed to */
  todoKeys() {
    return [...this.recordKeys.keys()];
  }

  /**
   * Creations go one after the other, as their ids give the order of the list.
   *
   * @param {(todoKey: TodoKey) => boolean} [isHeld] tells what has to wait
   * @returns {TodoKey[]} the todos whose debts may be sent now
   */
  ready(isHeld = () => false) {
    if (this.isClosed) return [];
    const todoKeys = this.todoKeys().filter((key) => !isHeld(key));
    const nextCreation = todoKeys.find(isUnidentified);
    return todoKeys.filter((key) => key === nextCreation || !isUnidentified(key));
  }

  /**
   * @param {Debt} debt
   * @returns {string} the key of its record
   */
  add(debt) {
    const order = Math.max(this.clock.now(), this.lastOrder + 1);
    const recordKey = `${this.prefix}${order} ${this.randomKey()}`;
    this.put(recordKey, debt);
    return recordKey;
  }

  /**
   * @param {string} recordKey
   * @param {Debt} debt
   */
  put(recordKey, debt) {
    this.remember(recordKey, debt);
    if (this.storage.write(recordKey, debt)) this.unsafe.delete(recordKey);
    else this.unsafe.add(recordKey);
  }

  /** @param {string[]} recordKeys of debts that are paid */
  forget(recordKeys) {
    for (const recordKey of recordKeys) {
      this.drop(recordKey);
      this.unsafe.delete(recordKey);
      this.storage.remove(recordKey);
    }
  }

  /**
   * Names a todo by the id that the server gave it.
   *
   * @param {TodoKey} todoKey
   * @param {number} id
   */
  identify(todoKey, id) {
    const recordKeys = this.recordKeys.get(todoKey) ?? [];
    this.recordKeys.delete(todoKey);
    this.ids.set(todoKey, id);
    for (const recordKey of recordKeys) {
      const debt = /** @type {Debt} */ (this.records.get(recordKey));
      this.put(recordKey, { ...debt, todoKey: id });
    }
  }

  /**
   * Puts a todo that fails last. (Not a creation: their order is that of the list.)
   *
   * @param {TodoKey} todoKey
   */
  postpone(todoKey) {
    const recordKeys = this.recordKeys.get(todoKey);
    if (!recordKeys || isUnidentified(todoKey)) return;
    this.recordKeys.delete(todoKey);
    this.recordKeys.set(todoKey, recordKeys);
  }

  /**
   * Reads what other tabs did. Records that are gone from the storage were sent by another tab, unless all else is gone,
   * too: then the user cleared the site's data, and what this tab still owes is stored again. The key of use tells.
   */
  reload() {
    const isCleared = !this.storage.read(this.inUseKey);
    this.storage.write(this.inUseKey, true);
    for (const [recordKey, debt] of this.records) {
      if (isCleared || this.unsafe.has(recordKey)) this.put(recordKey, debt);
    }
    const stored = new Set(this.storage.keys(this.prefix));
    for (const recordKey of [...this.records.keys()]) {
      if (!stored.has(recordKey) && !this.unsafe.has(recordKey)) this.drop(recordKey);
    }
    for (const recordKey of stored) {
      if (!this.unsafe.has(recordKey)) this.remember(recordKey, this.storage.read(recordKey));
    }
  }

  /**
   * @param {string} recordKey
   * @param {Debt | null} debt null if its record cannot be read
   */
  remember(recordKey, debt) {
    if (!debt?.type) return;
    const todoKey = this.currentKey(debt.todoKey);
    const recordKeys = this.recordKeys.get(todoKey) ?? new Set();
    recordKeys.add(recordKey);
    this.recordKeys.set(todoKey, recordKeys);
    this.records.set(recordKey, debt);
    this.lastOrder = Math.max(this.lastOrder, parseInt(recordKey.slice(this.prefix.length), 10));
  }

  /** @param {string} recordKey */
  drop(recordKey) {
    const debt = this.records.get(recordKey);
    if (!debt) return;
    const todoKey = this.currentKey(debt.todoKey);
    const recordKeys = this.recordKeys.get(todoKey);
    recordKeys?.delete(recordKey);
    if (!recordKeys?.size) this.recordKeys.delete(todoKey);
    this.records.delete(recordKey);
  }

  /** @param {TodoKey} todoKey */
  currentKey(todoKey) {
    return this.ids.get(todoKey) ?? todoKey;
  }
}

/**
 * @param {TodoKey} todoKey
 * @returns {todoKey is string}
 */
export function isUnidentified(todoKey) {
  return typeof todoKey === 'string';
}
