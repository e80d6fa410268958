import { Sync } from './sync.js';
import { Todos } from './todos.js';

const GROUP = 24;
const ROW = 60; // pixels, where a row is not laid out yet
const SLOW = 500;

class AppView {
  parts = {};

  constructor(todos, sync) {
    for (const element of document.querySelectorAll('[data-ref]')) this.parts[element.dataset.ref] = element;
    const { input, toggleAll, clear } = this.parts;
    this.todos = todos;
    this.list = new ListView(this.parts, todos);
    for (const type of ['add', 'change', 'remove']) todos.addEventListener(type, () => this.drawSoon());
    todos.addEventListener('refused', ({ detail }) => this.refuse(detail));
    sync.addEventListener('status', ({ detail }) => this.tell(detail));
    input.addEventListener('keydown', (event) => isEnter(event) && this.create());
    toggleAll.addEventListener('change', () => todos.toggleAll(toggleAll.checked));
    clear.addEventListener('click', () => this.clearCompleted());
    addEventListener('hashchange', () => this.route());
    addEventListener('pagehide', () => document.activeElement.blur()); // saves what is in an editor
    this.route();
    this.list.draw();
    this.draw();
  }

  /** What the links do not name means all. */
  route() {
    const links = [...this.parts.filters.querySelectorAll('a')];
    const chosen = links.find(({ hash }) => hash === location.hash) ?? links[0];
    this.list.filter = chosen.hash;
    for (const link of links) {
      link.className = link === chosen ? 'selected' : '';
      link.ariaCurrent = link === chosen ? 'page' : null;
    }
  }

  create() {
    const { input } = this.parts;
    const title = input.value.trim();
    if (!title) return;
    this.todos.create(title);
    input.value = '';
  }

  clearCompleted() {
    const { toggleAll, input } = this.parts;
    this.todos.clearCompleted();
    (this.todos.live.length ? toggleAll : input).focus();
  }

  drawSoon() {
    this.drawing ??= Promise.resolve().then(() => this.draw());
  }

  draw() {
    const { main, footer, toggleAll, count, clear } = this.parts;
    const { live, completed } = this.todos;
    const remaining = live.length - completed.length;
    this.drawing = undefined;
    main.hidden = footer.hidden = !live.length;
    toggleAll.checked = !remaining;
    clear.hidden = !completed.length;
    count.firstChild.textContent = remaining;
    count.lastChild.textContent = remaining === 1 ? ' item left' : ' items left';
    document.title = remaining ? `(${remaining}) TodoMVC` : 'TodoMVC';
  }

  /** Quiet where it is saved at once. */
  tell({ owed, failing, unsafe }) {
    const lost = unsafe ? '. Keep this page open: this browser stores nothing for it' : '';
    const changes = owed === 1 ? 'change' : 'changes';
    this.line = owed ? `${owed} ${changes} not saved yet — ${failing ? 'retrying' : 'saving'}${lost}` : '';
    if (failing || !owed || this.parts.status.textContent) this.drawLine();
    else this.slow ??= setTimeout(() => this.drawLine(), SLOW);
  }

  drawLine() {
    const { status } = this.parts;
    clearTimeout(this.slow);
    this.slow = undefined;
    if (status.textContent !== this.line) status.textContent = this.line;
  }

  refuse({ todo, text, reason }) {
    const { alert, input } = this.parts;
    const line = document.createElement('p');
    line.textContent = `${text ? `“${text}”` : 'A change'} was not saved. ${reason} `;
    if ([...alert.children].some((each) => each.firstChild.data === line.textContent)) return;
    const isOffered = !text || !(todo?.live || input.value);
    if (isOffered) input.value ||= text ?? '';
    const button = document.createElement('button');
    button.textContent = isOffered ? 'Dismiss' : 'Edit again';
    button.addEventListener('click', () => {
      line.remove();
      if (!isOffered && todo?.live) return this.list.edit(todo, text);
      if (!isOffered) input.value = text;
      return input.focus();
    });
    line.append(button);
    alert.append(line);
  }
}

/** The rows, in groups: the browser lays out those that are seen. */
class ListView {
  rows = new Map();
  views = new WeakMap();

  constructor({ list, row, input }, todos) {
    Object.assign(this, { list, template: row.content.firstElementChild, input, todos });
    for (const type of ['add', 'change', 'remove']) todos.addEventListener(type, ({ detail }) => this[type](detail));
    for (const type of ['click', 'dblclick', 'keydown', 'focusout']) {
      list.addEventListener(type, (event) => {
        const view = this.views.get(event.target.closest('li'));
        if (view) this[type](view, event);
      });
    }
  }

  /** The style sheet hides the others. */
  set filter(filter) {
    this.list.dataset.filter = filter;
    for (const group of this.list.children) this.measure(group);
  }

  isShown({ completed }) {
    const { filter } = this.list.dataset;
    return filter === '#/' || completed === (filter === '#/completed');
  }

  /** What is seen first, then all, a little at a time. */
  draw(todos = this.todos.live.filter((todo) => this.isShown(todo)).slice(0, GROUP)) {
    const end = performance.now() + 10;
    let last;
    for (const todo of todos) {
      if (performance.now() > end) break;
      if (!this.rows.has(todo)) this.place(todo, last);
      last = todo;
    }
    if (this.rows.size < this.todos.live.length) setTimeout(() => this.draw(this.todos.live));
  }

  add(todo) {
    this.place(todo, this.todos.before(todo, (each) => this.rows.has(each)));
  }

  place(todo, before) {
    const row = new TodoView(todo, this.template);
    const previous = this.rows.get(before)?.element;
    this.rows.set(todo, row);
    this.views.set(row.element, row);
    if (previous) previous.after(row.element);
    else this.list.firstElementChild.prepend(row.element);
    this.split(row.element.parentNode, row.element.nextSibling ? GROUP / 2 : GROUP);
  }

  /** Not where the focus is: it would be lost. */
  split(group, place) {
    if (group.children.length > GROUP && !group.contains(document.activeElement)) {
      const next = document.createElement('ul');
      next.append(...[...group.children].slice(place));
      group.after(next);
      this.measure(next);
    }
    this.measure(group);
  }

  measure(group) {
    const shown = [...group.children].filter((element) => this.isShown(this.views.get(element).todo));
    group.style.containIntrinsicBlockSize = `${shown.length * ROW}px`;
  }

  change(todo) {
    const row = this.rows.get(todo);
    if (!row) return;
    row.render();
    if (!this.isShown(todo)) this.passFocus(row);
  }

  remove(todo) {
    const row = this.rows.get(todo);
    if (!row) return;
    this.passFocus(row);
    row.element.remove();
    this.rows.delete(todo);
  }

  /** To a neighbour, or to the input. */
  passFocus({ element, todo, editor }) {
    const { activeElement } = document;
    if (!element.contains(activeElement) || editor) return;
    const near = this.todos.list.filter((each) => each === todo || (each.live && this.isShown(each)));
    const place = near.indexOf(todo);
    const row = this.rows.get(near[place + 1] ?? near[place - 1]);
    (row?.[activeElement.className] ?? this.input).focus();
  }

  click(row, { target }) {
    const { todo } = row;
    if (target === row.toggle) todo.save({ completed: !todo.completed });
    if (target === row.destroy) todo.destroy();
    if (target === row.rename) this.edit(todo);
  }

  dblclick(row, { target }) {
    if (target === row.label) this.edit(row.todo);
  }

  focusout(row, { target }) {
    if (target === row.editor) this.save(row);
  }

  keydown(row, event) {
    if (!row.editor) return;
    if (event.key === 'Escape') this.leave(row);
    if (!isEnter(event)) return;
    event.preventDefault(); // the button that gets the focus would take the key, too
    this.save(row);
  }

  edit(todo, text) {
    const row = this.rows.get(todo);
    if (!row || row.editor) return;
    this.todos.setEditing(todo, true);
    row.edit(text);
  }

  save(row) {
    const title = this.leave(row);
    if (title) row.todo.save({ title });
    if (title === '') row.todo.destroy();
  }

  leave(row) {
    const typed = row.leave();
    this.todos.setEditing(row.todo, false);
    return typed;
  }
}

class TodoView {
  constructor(todo, template) {
    this.todo = todo;
    this.element = template.cloneNode(true);
    [this.toggle, this.label, this.rename, this.destroy] = this.element.firstElementChild.children;
    this.render();
  }

  render() {
    const { title, completed } = this.todo;
    const name = title || '(no title)';
    this.element.classList.toggle('completed', completed);
    this.toggle.checked = completed;
    this.label.textContent = this.toggle.ariaLabel = name;
    this.rename.ariaLabel = `Edit ${name}`;
    this.destroy.ariaLabel = `Delete ${name}`;
  }

  edit(text = this.todo.title) {
    const editor = Object.assign(document.createElement('input'), { className: 'edit', dir: 'auto', ariaLabel: 'Title' });
    editor.value = this.todo.title; // without its line breaks
    this.unchanged = editor.value;
    editor.value = text;
    this.editor = editor;
    this.element.classList.add('editing');
    this.element.append(editor);
    editor.focus();
  }

  /** Returns what was typed, or undefined where nothing changed. */
  leave() {
    const { editor } = this;
    this.editor = undefined;
    this.element.classList.remove('editing');
    if (editor === document.activeElement) this.rename.focus();
    editor.remove();
    return editor.value === this.unchanged ? undefined : editor.value.trim();
  }
}

/** Not one that ends a composition. (Safari says 229.) */
function isEnter(event) {
  return event.key === 'Enter' && !event.isComposing && event.keyCode !== 229;
}

const page = document.querySelector('#todos');
const { url, user } = page.dataset;
const sync = new Sync(url, `todomvc ${user}${url}`);
const users = new BroadcastChannel(url);

new AppView(new Todos(JSON.parse(page.textContent), sync), sync);
sync.start();
users.onmessage = ({ data }) => data === user || sync.stop();
users.postMessage(user);
