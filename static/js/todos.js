/** `base` is what the server last said; `attributes` has what is still owed, too. */
class Todo {
  editing = false;
  gone = false; // from the server
  live = false; // on the screen

  constructor(ref, base, sync) {
    Object.assign(this, { ref, base, sync, attributes: base });
  }

  get title() {
    const title = this.attributes.title ?? '';
    return typeof title === 'string' ? title : JSON.stringify(title); // other clients may send anything
  }

  get completed() {
    return Boolean(this.attributes.completed);
  }

  save(changes) {
    this.sync.owe({ ref: this.ref, changes });
  }

  destroy() {
    this.sync.owe({ ref: this.ref, destroy: true });
  }
}

/** The list, in id order, what has none at its end. Says `add`, `change`, `remove`, `refused`. */
export class Todos extends EventTarget {
  list = [];
  index = new Map();

  constructor(list, sync) {
    super();
    this.sync = sync;
    this.onlist(list);
    for (const ref of sync.refs()) this.onowed({ ref });
    for (const type of ['owed', 'answer', 'gone', 'refused', 'list']) {
      sync.addEventListener(type, ({ detail }) => this[`on${type}`](detail));
    }
  }

  get live() {
    return this.list.filter((todo) => todo.live);
  }

  get completed() {
    return this.live.filter((todo) => todo.completed);
  }

  create(title) {
    const last = this.list.findLast(({ base }) => base.id !== undefined);
    this.sync.owe({ create: { title, completed: false }, after: last?.base.id ?? -1 });
  }

  toggleAll(completed) {
    for (const todo of this.live) if (todo.completed !== completed) todo.save({ completed });
  }

  clearCompleted() {
    for (const todo of this.completed) todo.destroy();
  }

  before(todo, condition) {
    return this.list.slice(0, this.list.lastIndexOf(todo)).findLast(condition);
  }

  /** What is edited stays on the screen. */
  setEditing(todo, editing) {
    todo.editing = editing;
    this.show(todo);
    this.settle(todo);
  }

  onowed({ ref }) {
    this.show(this.sync.debt(ref)?.create ? this.obtain(ref, {}) : this.index.get(ref));
  }

  onanswer({ ref, todo: base }) {
    const todo = this.obtain(ref, base);
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
    const unanswered = this.sync.refs().map((ref) => this.sync.debt(ref)).filter(({ sent }) => sent);
    // Most likely the creates whose answers never came.
    const isOurs = ({ id, title }) => unanswered.some(({ after, create }) => id > after && title === create.title);
    const known = new Set();
    for (const base of list.filter((each) => !isOurs(each))) {
      known.add(base.id);
      this.onanswer({ ref: base.id, todo: base });
    }
    for (const todo of this.list.filter(({ ref }) => !known.has(ref) && !this.sync.debt(ref)?.create)) this.ongone(todo);
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
    if (todo.editing || !todo.live || !this.before(todo, ({ base }) => base.id > todo.base.id)) return;
    this.say('remove', todo);
    this.drop(todo);
    this.insert(todo);
    this.say('add', todo);
  }

  obtain(ref, base) {
    return this.index.get(ref) ?? this.insert(new Todo(ref, base, this.sync));
  }

  insert(todo) {
    const { id } = todo.base;
    const place = id === undefined ? this.list.length : this.list.findLastIndex(({ base }) => base.id < id) + 1;
    this.list.splice(place, 0, todo);
    this.index.set(todo.ref, todo);
    return todo;
  }

  /** Works out what is seen; says what changed. */
  show(todo) {
    if (!todo) return;
    const { live, title, completed } = todo;
    const debt = this.sync.debt(todo.ref);
    todo.attributes = { ...todo.base, ...debt?.create, ...debt?.changes };
    todo.live = todo.editing || !(todo.gone || debt?.destroy);
    if (todo.live !== live) this.say(todo.live ? 'add' : 'remove', todo);
    else if (live && (todo.title !== title || todo.completed !== completed)) this.say('change', todo);
    if (todo.gone && !todo.live) this.drop(todo);
  }

  drop(todo) {
    this.list.splice(this.list.lastIndexOf(todo), 1);
    if (this.index.get(todo.ref) === todo) this.index.delete(todo.ref);
  }

  say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
