import { TodoView } from './todo-view.js';

const GROUP = 50;
const ROW = 60; // pixels, where a row is not laid out yet

/** The rows, in groups: the browser lays out those that are seen. */
export class ListView {
  rows = new Map();
  views = new WeakMap();

  constructor(list, template, todos) {
    Object.assign(this, { list, template, todos });
    for (const type of ['reset', 'add', 'change', 'remove']) todos.addEventListener(type, ({ detail }) => this[type](detail));
    for (const type of ['click', 'dblclick', 'keydown', 'focusout']) {
      list.addEventListener(type, (event) => {
        const row = this.views.get(event.target.closest('li'));
        if (row) this[type](row, event);
      });
    }
  }

  /** The style sheet hides the others. */
  set filter(filter) {
    this.list.dataset.filter = filter;
    for (const group of this.list.children) this.measure(group);
  }

  isShown(todo) {
    return todo.matches(this.list.dataset.filter);
  }

  reset() {
    const seen = this.todos.filter((todo) => this.isShown(todo)).slice(0, GROUP);
    seen.forEach((todo, place) => this.place(todo, seen[place - 1]));
    setTimeout(() => this.drawRest());
  }

  /** A little at a time. */
  drawRest() {
    const end = performance.now() + 10;
    let last;
    for (const todo of this.todos.filter(() => true)) {
      if (performance.now() > end) return void setTimeout(() => this.drawRest());
      if (!this.rows.has(todo)) this.place(todo, last);
      last = todo;
    }
  }

  add(todo) {
    this.place(todo, this.todos.before(todo, (each) => this.rows.has(each)));
  }

  place(todo, before) {
    const row = new TodoView(todo, this.template);
    const previous = this.rows.get(before)?.element;
    this.rows.set(todo, row);
    this.views.set(row.element, row);
    if (!previous) this.list.firstElementChild.prepend(row.element);
    else if (this.isFull(previous.parentNode)) this.split(previous, row.element);
    else previous.after(row.element);
    this.measure(row.element.parentNode);
  }

  /** A group is not split where the focus is: it would be lost. */
  isFull(group) {
    return group.children.length >= GROUP && !group.contains(document.activeElement);
  }

  split(previous, element) {
    const group = document.createElement('ul');
    group.append(element);
    while (previous.nextSibling) group.append(previous.nextSibling);
    previous.parentNode.after(group);
  }

  measure(group) {
    const shown = Array.from(group.children).filter((element) => this.isShown(this.views.get(element).todo));
    group.style.containIntrinsicBlockSize = `${shown.length * ROW}px`;
  }

  change(todo) {
    const row = this.rows.get(todo);
    row?.render();
    if (row && !this.isShown(todo)) this.passFocus(row);
  }

  remove(todo) {
    const row = this.rows.get(todo);
    if (row) this.passFocus(row);
    row?.element.remove();
    this.rows.delete(todo);
  }

  /** Gives the focus to the same control of a neighbour, or to the input. */
  passFocus({ element, todo }) {
    const { activeElement } = document;
    if (!element.contains(activeElement)) return;
    const near = this.todos.list.filter((each) => each === todo || (each.live && this.isShown(each)));
    const place = near.indexOf(todo);
    const row = this.rows.get(near[place + 1] ?? near[place - 1]);
    if (row) (row[activeElement.className] ?? row.toggle).focus();
    else this.list.dispatchEvent(new Event('empty'));
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

/** An Enter of an input method is not one. (Safari sends it after the composition, as 229.) */
export function isEnter(event) {
  return event.key === 'Enter' && !event.isComposing && event.keyCode !== 229;
}
