import { Todo } from '../models/todo.js';

/** The list, in id order, what has none at its end. Says `reset`, `add`, `change`, `remove`, `refused`. */
export class Todos extends EventTarget {
  length = 0;
  completed = 0;
  list = [];
  index = new Map();

  constructor(sync) {
    super();
    this.sync = sync;
    for (const type of ['owed', 'answer', 'gone', 'refused', 'list']) {
      sync.addEventListener(type, ({ detail }) => this[`on${type}`](detail));
    }
  }

  get remaining() {
    return this.length - this.completed;
  }

  reset(list) {
    this.onlist(list);
    for (const ref of this.sync.refs()) this.onowed({ ref });
    this.ready = true;
    this.say('reset');
  }

  create(title) {
    const last = this.list.findLast(({ base }) => base.id !== undefined);
    this.sync.create({ title, completed: false }, last ? last.base.id : -1);
  }

  toggleAll(completed) {
    for (const todo of this.filter((each) => each.completed !== completed)) todo.save({ completed });
  }

  clearCompleted() {
    for (const todo of this.filter((each) => each.completed)) todo.destroy();
  }

  filter(condition) {
    return this.list.filter((todo) => todo.live && condition(todo));
  }

  before(todo, condition) {
    let place = this.list.lastIndexOf(todo) - 1;
    while (place >= 0 && !condition(this.list[place])) place -= 1;
    return this.list[place];
  }

  /** What is edited stays on the screen. */
  setEditing(todo, editing) {
    todo.editing = editing;
    this.show(todo);
    this.settle(todo);
  }

  onowed({ ref }) {
    if (this.sync.debt(ref)?.create && !this.index.has(ref)) this.insert(new Todo(ref, {}, this.sync));
    this.show(this.index.get(ref));
  }

  onanswer({ ref, todo: base }) {
    const todo = this.index.get(ref) ?? this.insert(new Todo(ref, base, this.sync));
    todo.base = base;
    if (todo.ref !== base.id) this.identify(todo, base.id);
    this.show(todo);
  }

  ongone({ ref, changes }) {
    const todo = this.index.get(ref);
    if (todo) todo.gone = true;
    this.show(todo);
    if (changes?.title) this.say('refused', { text: changes.title, reason: 'It was deleted elsewhere.' });
  }

  onrefused({ ref, create, changes, reason }) {
    const todo = this.index.get(ref);
    if (todo && create) todo.gone = true;
    this.show(todo);
    this.say('refused', { todo, text: { ...create, ...changes }.title, reason });
  }

  onlist(list) {
    const stay = new Set();
    const unanswered = this.sync.refs().map((ref) => this.sync.debt(ref)).filter(({ sent }) => sent);
    for (const base of list) {
      // Most likely the create whose answer never came.
      if (unanswered.some(({ after, create }) => base.id > after && base.title === create.title)) continue;
      const todo = this.index.get(base.id) ?? this.insert(new Todo(base.id, base, this.sync));
      todo.base = base;
      stay.add(todo);
      this.show(todo);
    }
    for (const todo of this.list.filter((each) => !stay.has(each) && !this.sync.debt(each.ref)?.create)) this.ongone(todo);
  }

  identify(todo, id) {
    const twin = this.index.get(id);
    if (twin) this.ongone(twin);
    todo.ref = id;
    this.index.set(id, todo);
    this.settle(todo);
  }

  /** Moves a todo to its place, but not from under its editor. */
  settle(todo) {
    const before = this.before(todo, ({ base }) => base.id !== undefined);
    if (todo.editing || !todo.live || !(before?.base.id > todo.base.id)) return;
    this.say('remove', todo);
    this.list.splice(this.list.lastIndexOf(todo), 1);
    this.insert(todo);
    this.say('add', todo);
  }

  insert(todo) {
    const { id } = todo.base;
    let place = this.list.length;
    while (id !== undefined && place > 0 && !(this.list[place - 1].base.id < id)) place -= 1;
    this.list.splice(place, 0, todo);
    this.index.set(todo.ref, todo);
    return todo;
  }

  /** Works out what is seen, keeps count, says what changed. */
  show(todo) {
    if (!todo) return;
    const { live, title, completed } = todo;
    const debt = this.sync.debt(todo.ref);
    todo.attributes = debt ? { ...todo.base, ...debt.create, ...debt.changes } : todo.base;
    todo.live = todo.editing || !(todo.gone || debt?.destroy);
    this.length += todo.live - live;
    this.completed += (todo.live && todo.completed) - (live && completed);
    if (todo.live !== live) this.say(todo.live ? 'add' : 'remove', todo);
    else if (live && (todo.title !== title || todo.completed !== completed)) this.say('change', todo);
    if (todo.gone && !todo.live) this.drop(todo);
  }

  drop(todo) {
    this.list.splice(this.list.lastIndexOf(todo), 1);
    if (this.index.get(todo.ref) === todo) this.index.delete(todo.ref);
  }

  say(type, detail) {
    if (this.ready) this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
