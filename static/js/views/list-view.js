import { TodoView } from './todo-view.js';

const GROUP = 50;
const ROW = 60; // pixels, where a row is not laid out yet

/**
 * The rows: those that are seen are drawn first, the rest when there is time; a change redraws its own row and no other.
 * They stand in groups, as the browser lays out and paints only the groups that are seen.
 */
export class ListView {
  rows = new Map();
  views = new WeakMap();

  constructor(list, template, todos) {
    Object.assign(this, { list, template, todos });
    todos.addEventListener('reset', () => this.draw());
    todos.addEventListener('add', ({ detail }) => this.place(detail, todos.before(detail, (each) => this.rows.has(each))));
    todos.addEventListener('change', ({ detail }) => this.change(detail));
    todos.addEventListener('remove', ({ detail }) => this.remove(detail));
    this.listen({
      click: (row, { target }) => this.click(row, target),
      dblclick: (row, { target }) => target === row.label && this.edit(row.todo),
      keydown: (row, event) => row.editor && this.key(row, event),
      focusout: (row, { target }) => row.editor === target && this.save(row),
    });
  }

  listen(handlers) {
    for (const [type, handle] of Object.entries(handlers)) {
      this.list.addEventListener(type, (event) => {
        const row = this.views.get(event.target.closest('li'));
        if (row) handle(row, event);
      });
    }
  }

  /** The style sheet hides what does not match; no row is touched. */
  set filter(filter) {
    this.list.dataset.filter = filter;
    for (const group of this.list.children) this.measure(group);
  }

  isShown(todo) {
    return todo.matches(this.list.dataset.filter);
  }

  draw() {
    const seen = this.todos.filter((todo) => this.isShown(todo)).slice(0, GROUP);
    seen.forEach((todo, place) => this.place(todo, seen[place - 1]));
    whenIdle((deadline) => this.drawRest(deadline));
  }

  drawRest(deadline) {
    let last;
    for (const todo of this.todos.filter(() => true)) {
      if (!this.rows.has(todo)) {
        if (deadline.timeRemaining() < 1) return whenIdle((next) => this.drawRest(next));
        this.place(todo, last);
      }
      last = todo;
    }
    return undefined;
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

  /** Gives the focus of a row that goes to the same control of a neighbour, or to the input. */
  passFocus({ element, todo }) {
    const { activeElement } = document;
    if (!element.contains(activeElement)) return;
    const near = this.todos.list.filter((each) => each === todo || (each.live && this.isShown(each)));
    const place = near.indexOf(todo);
    const row = this.rows.get(near[place + 1] ?? near[place - 1]);
    if (row) (row[activeElement.className] ?? row.toggle).focus();
    else this.list.dispatchEvent(new Event('empty'));
  }

  click(row, target) {
    const { todo } = row;
    if (target === row.toggle) todo.save({ completed: !todo.completed });
    if (target === row.destroy) todo.destroy();
    if (target === row.rename) this.edit(todo);
  }

  key(row, event) {
    if (event.key === 'Escape') this.leave(row);
    if (!isEnter(event)) return;
    event.preventDefault(); // the button that gets the focus would take the key, too
    this.save(row);
  }

  /** Opens the editor on the title, or on `text`. */
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

/** An Enter that ends the composition of an input method is not one. (Safari sends it afterwards, as key 229.) */
export function isEnter(event) {
  return event.key === 'Enter' && !event.isComposing && event.keyCode !== 229;
}

function whenIdle(work) {
  const end = performance.now() + 10;
  if (window.requestIdleCallback) requestIdleCallback(work);
  else setTimeout(work, 0, { timeRemaining: () => end - performance.now() });
}
