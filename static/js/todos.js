import { Emitter } from './emitter.js';

const GONE_MEANWHILE = 'It was deleted elsewhere meanwhile.';

/** One todo: `saved` is what the server last said; `shown` has what is still owed, too. */
export class Todo {
  isEdited = false; // then it stays on the screen
  isGone = false; // from the server
  isVisible = false;

  /**
   * @param {TodoKey} key
   * @param {Fields} saved
   * @param {Sync} sync
   */
  constructor(key, saved, sync) {
    this.key = key;
    this.saved = saved;
    this.shown = saved;
    this.sync = sync;
  }

  /** @returns {string} other clients may have stored anything */
  get title() {
    const title = this.shown.title ?? '';
    return typeof title === 'string' ? title : JSON.stringify(title);
  }

  get completed() {
    return Boolean(this.shown.completed);
  }

  /** @param {Fields} seen the fields as the user was looking at them */
  change(fields, seen = this.shown) {
    const names = Object.keys(fields);
    const seenFields = Object.fromEntries(names.map((name) => [name, seen[name] ?? null]));
    this.sync.owe({ type: 'change', todoKey: this.key, fields, seen: seenFields });
  }

  delete(seen = this.shown) {
    this.sync.delete('Deleted', [{ todoKey: this.key, seen }]);
  }
}

/**
 * The list as the user sees it: by id, those that have none at the end.
 * @extends {Emitter<TodosEvents>}
 */
export class Todos extends Emitter {
  /** @type {Todo[]} */
  all = [];

  /** @type {Map<TodoKey, Todo>} */
  byKey = new Map();

  /** @type {Deletion[]} what was taken back, until the server has said whether it has them */
  restored = [];

  /**
   * @param {Fields[]} list
   * @param {Sync} sync
   */
  constructor(list, sync) {
    super();
    this.sync = sync;
    this.takeList(list);
    for (const todoKey of sync.outbox.todoKeys()) this.takeOwed(todoKey);
    sync.on('owed', ({ todoKey }) => this.takeOwed(todoKey));
    sync.on('saved', ({ todoKey, todo }) => this.takeSaved(todoKey, todo));
    sync.on('gone', ({ todoKey }) => this.takeGone(todoKey));
    sync.on('refused', (news) => this.takeRefused(news));
    sync.on('list', (newer) => this.takeList(newer));
    sync.on('current', () => this.checkRestored());
  }

  get visible() {
    return this.all.filter((todo) => todo.isVisible);
  }

  get completed() {
    return this.visible.filter((todo) => todo.completed);
  }

  create(title) {
    const last = this.all.findLast(({ saved }) => saved.id !== undefined);
    return this.sync.create({ title, completed: false }, last?.saved.id ?? -1);
  }

  /** @param {string[]} titles of todos that can be taken back together */
  createAll(titles) {
    this.sync.undo.extend('Added', titles.map((title) => this.create(title)));
  }

  completeAll(completed) {
    for (const todo of this.visible) if (todo.completed !== completed) todo.change({ completed });
  }

  clearCompleted() {
    const completed = this.completed.map(({ key, shown }) => ({ todoKey: key, seen: shown }));
    if (completed.length) this.sync.delete('Cleared', completed);
  }

  /** @returns {Todo[]} the todos that are there again */
  undo() {
    const { deletions, added } = this.sync.takeBack();
    for (const todoKey of added) {
      const todo = this.find(todoKey);
      if (todo) this.sync.owe({ type: 'delete', todoKey: todo.key, seen: todo.shown });
    }
    this.restored.push(...deletions);
    this.sync.refresh();
    return deletions.map(({ todoKey }) => this.find(todoKey)).filter((todo) => todo !== undefined);
  }

  checkRestored() {
    for (const { todoKey, seen } of this.restored.splice(0)) {
      const isGone = !this.find(todoKey);
      if (!isGone) continue;
      this.sync.keepWords(String(seen.title ?? ''), GONE_MEANWHILE, todoKey, 'gone');
    }
  }

  find(todoKey) {
    return this.byKey.get(this.sync.outbox.currentKey(todoKey));
  }

  /** @returns {Todo | undefined} the nearest one before it that meets the condition */
  before(todo, condition) {
    return this.all.slice(0, this.all.lastIndexOf(todo)).findLast(condition);
  }

  setEdited(todo, isEdited) {
    todo.isEdited = isEdited;
    if (isEdited) this.sync.prepare(todo.key);
    this.show(todo);
    this.moveToItsPlace(todo);
  }

  takeOwed(todoKey) {
    const isCreated = this.sync.outbox.owed(todoKey)?.creation;
    const todo = isCreated ? this.obtain(todoKey, {}) : this.byKey.get(todoKey);
    if (todo) this.show(todo);
  }

  takeSaved(todoKey, saved) {
    const todo = this.obtain(todoKey, saved);
    todo.saved = saved;
    if (todo.key !== saved.id) this.identify(todo, saved.id);
    this.show(todo);
  }

  takeGone(todoKey) {
    const todo = this.byKey.get(todoKey);
    if (todo) this.bury(todo);
  }

  takeRefused({ todoKey, isLost }) {
    const todo = this.byKey.get(todoKey);
    if (todo && isLost) this.bury(todo);
    else if (todo) this.show(todo);
  }

  takeList(list) {
    const { outbox } = this.sync;
    const sent = outbox.todoKeys().map((key) => outbox.owed(key)?.creation);
    /** Whether it is most likely what we sent, whose answer never came. @param {Fields} todo */
    const isOurs = ({ id, title }) =>
      sent.some((each) => each?.sent && id > each.after && title === each.fields.title);
    const known = new Set();
    for (const saved of list.filter((each) => !isOurs(each))) {
      known.add(saved.id);
      this.takeSaved(saved.id, saved);
    }
    for (const todo of [...this.all]) {
      if (!known.has(todo.key) && !outbox.owed(todo.key)?.creation) this.bury(todo);
    }
  }

  identify(todo, id) {
    const twin = this.byKey.get(id);
    if (twin) this.bury(twin);
    todo.key = id;
    this.byKey.set(id, todo);
    this.moveToItsPlace(todo);
  }

  /** @param {Todo} todo that moves, but not from under its editor */
  moveToItsPlace(todo) {
    const { id } = todo.saved;
    const place = this.all.lastIndexOf(todo);
    const isMisplaced = this.all.some(({ saved }, other) =>
      other < place ? saved.id > id : saved.id < id);
    if (todo.isEdited || !isMisplaced) return;
    this.drop(todo);
    this.insert(todo);
    if (todo.isVisible) this.emit('move', todo);
  }

  obtain(todoKey, saved) {
    return this.byKey.get(todoKey) ?? this.insert(new Todo(todoKey, saved, this.sync));
  }

  insert(todo) {
    const { id } = todo.saved;
    const end = this.all.length;
    const place = id === undefined ? end : this.all.findLastIndex(({ saved }) => saved.id < id) + 1;
    this.all.splice(place, 0, todo);
    this.byKey.set(todo.key, todo);
    return todo;
  }

  /** @param {Todo} todo that is gone from the server */
  bury(todo) {
    todo.isGone = true;
    this.show(todo);
  }

  /** @param {Todo} todo to work out what the user sees of it; says what changed */
  show(todo) {
    const { isVisible, title, completed } = todo;
    const owed = this.sync.outbox.owed(todo.key);
    todo.shown = { ...todo.saved, ...owed?.creation?.fields, ...owed?.changes };
    todo.isVisible = todo.isEdited || !(todo.isGone || owed?.isDeleted);
    const isChanged = todo.title !== title || todo.completed !== completed;
    if (todo.isVisible !== isVisible) this.emit(todo.isVisible ? 'add' : 'remove', todo);
    else if (isVisible && isChanged) this.emit('change', todo);
    if (todo.isGone && !todo.isVisible) this.drop(todo);
  }

  drop(todo) {
    this.all.splice(this.all.lastIndexOf(todo), 1);
    if (this.byKey.get(todo.key) === todo) this.byKey.delete(todo.key);
  }
}
