import { TodoView } from './todo-view.js';

const SEEN_FIRST = 50;

/** The rows: what is seen is drawn first, the rest when there is time; a change redraws its own row and no other. */
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
  }

  isShown(todo) {
    return todo.matches(this.list.dataset.filter);
  }

  draw() {
    const seen = this.todos.filter((todo) => this.isShown(todo)).slice(0, SEEN_FIRST);
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
    if (before) this.rows.get(before).element.after(row.element);
    else this.list.prepend(row.element);
    this.rows.set(todo, row);
    this.views.set(row.element, row);
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
  passFocus({ element }) {
    const { activeElement } = document;
    if (!element.contains(activeElement)) return;
    const row = this.neighbour(element, 'nextElementSibling') ?? this.neighbour(element, 'previousElementSibling');
    if (row) (row[activeElement.className] ?? row.toggle).focus();
    else this.list.dispatchEvent(new Event('empty'));
  }

  neighbour(element, step) {
    let row = this.views.get(element[step]);
    while (row && !this.isShown(row.todo)) row = this.views.get(row.element[step]);
    return row;
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
