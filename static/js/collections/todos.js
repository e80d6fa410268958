import { Todo } from '../models/todo.js';

/**
 * The list: every todo in id order, what has no id yet at the end.
 *
 * Says `reset`; `add`, `change` and `remove` (detail: the todo); and `refused` (detail: { todo, text, reason }) when the
 * server does not take a change: `text` is the title that was typed, if one was.
 */
export class Todos extends EventTarget {
  length = 0;
  completed = 0;
  #list = [];
  #index = new Map();
  #ready = false;
  #sync;

  constructor(sync) {
    super();
    this.#sync = sync;
    sync.addEventListener('owed', ({ detail }) => this.#owe(detail.ref));
    sync.addEventListener('answer', ({ detail }) => this.#answer(detail));
    sync.addEventListener('gone', ({ detail }) => this.#lose(detail));
    sync.addEventListener('refused', ({ detail }) => this.#undo(detail));
    sync.addEventListener('list', ({ detail }) => this.#merge(detail));
  }

  get remaining() {
    return this.length - this.completed;
  }

  /** Takes over the todos that came with the page, and what an earlier page still owes. */
  reset(list) {
    this.#merge(list);
    for (const ref of this.#sync.refs()) this.#owe(ref);
    this.#ready = true;
    this.#say('reset');
  }

  create(title) {
    const last = this.#list.findLast(({ base }) => base.id !== undefined);
    this.#sync.create({ title, completed: false }, last ? last.base.id : -1);
  }

  toggleAll(completed) {
    for (const todo of this.filter((each) => each.completed !== completed)) todo.toggle(completed);
  }

  clearCompleted() {
    for (const todo of this.filter((each) => each.completed)) todo.destroy();
  }

  filter(condition) {
    return this.#list.filter((todo) => todo.live && condition(todo));
  }

  /** The last of the todos before `todo` that meets `condition`, or undefined. */
  before(todo, condition) {
    let place = this.#list.lastIndexOf(todo) - 1;
    while (place >= 0 && !condition(this.#list[place])) place -= 1;
    return this.#list[place];
  }

  /** While a todo is edited it stays, whatever happens to it elsewhere. */
  setEditing(todo, editing) {
    todo.editing = editing;
    this.#show(todo);
  }

  #owe(ref) {
    const debt = this.#sync.owed(ref);
    if (debt?.create && !this.#index.has(ref)) this.#insert(new Todo(ref, {}, this.#sync));
    if (this.#index.has(ref)) this.#show(this.#index.get(ref));
  }

  #answer({ ref, todo: base }) {
    const todo = this.#index.get(ref) ?? this.#insert(new Todo(ref, base, this.#sync));
    todo.base = base;
    if (todo.ref !== base.id) this.#identify(todo);
    this.#show(todo);
  }

  #identify(todo) {
    const twin = this.#index.get(todo.base.id);
    if (twin && twin !== todo) this.#lose(twin);
    todo.ref = todo.base.id;
    this.#index.set(todo.ref, todo);
    if (this.before(todo, ({ base }) => base.id !== undefined)?.base.id > todo.ref) this.#move(todo);
  }

  #move(todo) {
    this.#say('remove', todo);
    this.#list.splice(this.#list.lastIndexOf(todo), 1);
    this.#insert(todo);
    this.#say('add', todo);
  }

  #lose({ ref, changes }) {
    const todo = this.#index.get(ref);
    if (changes?.title) this.#say('refused', { text: changes.title, reason: 'It was deleted elsewhere.' });
    if (!todo) return;
    todo.gone = true;
    this.#show(todo);
  }

  #undo({ ref, create, changes, reason }) {
    const todo = this.#index.get(ref);
    if (todo && create) todo.gone = true;
    if (todo) this.#show(todo);
    const { title: text } = { ...create, ...changes };
    this.#say('refused', { todo: create ? undefined : todo, text, reason });
  }

  #merge(list) {
    const seen = new Set();
    const unanswered = this.#sync.unanswered();
    for (const base of list) {
      // Most likely the one whose answer never came: the next try tells.
      if (unanswered.some(({ after, create }) => base.id > after && base.title === create.title)) continue;
      const todo = this.#index.get(base.id) ?? this.#insert(new Todo(base.id, base, this.#sync));
      todo.base = base;
      this.#show(todo);
      seen.add(base.id);
    }
    for (const todo of this.#list.filter(({ base }) => base.id !== undefined && !seen.has(base.id))) this.#lose(todo);
  }

  #insert(todo) {
    const { id } = todo.base;
    let place = this.#list.length;
    while (id !== undefined && place > 0 && !(this.#list[place - 1].base.id < id)) place -= 1;
    this.#list.splice(place, 0, todo);
    this.#index.set(todo.ref, todo);
    return todo;
  }

  #show(todo) {
    const { live, title, completed } = todo;
    const debt = this.#sync.owed(todo.ref);
    todo.attributes = debt ? { ...todo.base, ...debt.create, ...debt.changes } : todo.base;
    todo.live = todo.editing || !(todo.gone || debt?.destroy);
    this.length += todo.live - live;
    this.completed += (todo.live && todo.completed) - (live && completed);
    if (todo.live !== live) this.#say(todo.live ? 'add' : 'remove', todo);
    else if (live && (todo.title !== title || todo.completed !== completed)) this.#say('change', todo);
    if (todo.gone && !todo.live) this.#drop(todo);
  }

  #drop(todo) {
    this.#list.splice(this.#list.lastIndexOf(todo), 1);
    for (const ref of [todo.ref, todo.base.id]) if (this.#index.get(ref) === todo) this.#index.delete(ref);
  }

  #say(type, detail) {
    if (this.#ready) this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
