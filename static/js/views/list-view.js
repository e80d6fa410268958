import { TodoView } from './todo-view.js';

const SEEN_FIRST = 50;

/** The rows: drawn once, the visible ones first; after that each change redraws its own row and no other. */
export class ListView {
  #list;
  #template;
  #todos;
  #filter = 'all';
  #rows = new Map();
  #views = new WeakMap();

  constructor(list, template, todos) {
    this.#list = list;
    this.#template = template;
    this.#todos = todos;
    todos.addEventListener('reset', () => this.#draw());
    todos.addEventListener('add', ({ detail }) => this.#place(detail, todos.before(detail, (each) => this.#rows.has(each))));
    todos.addEventListener('change', ({ detail }) => this.#change(detail));
    todos.addEventListener('remove', ({ detail }) => this.#remove(detail));
    this.#listen({
      click: (row, { target }) => this.#click(row, target),
      dblclick: (row, { target }) => target.matches('label') && this.edit(row.todo),
      keydown: (row, event) => row.editing && this.#key(row, event),
      focusout: (row, { target }) => row.editing && target.matches('.edit') && this.#save(row),
    });
  }

  /** Shows the todos that match `filter`. The rows know nothing of it: the style sheet hides the others. */
  set filter(filter) {
    this.#filter = filter;
    this.#list.dataset.filter = filter;
  }

  /** Opens the editor of `todo`, on `text` if it was typed before. */
  edit(todo, text) {
    const row = this.#rows.get(todo);
    if (!row || row.editing) return;
    this.#todos.setEditing(todo, true);
    row.edit(text);
  }

  #listen(handlers) {
    for (const [type, handle] of Object.entries(handlers)) {
      this.#list.addEventListener(type, (event) => {
        const row = this.#views.get(event.target.closest('li'));
        if (row) handle(row, event);
      });
    }
  }

  #draw() {
    const seen = this.#todos.filter((todo) => todo.matches(this.#filter)).slice(0, SEEN_FIRST);
    seen.forEach((todo, place) => this.#place(todo, seen[place - 1]));
    whenIdle((deadline) => this.#drawRest(deadline));
  }

  #drawRest(deadline) {
    let last;
    for (const todo of this.#todos.filter(() => true)) {
      if (!this.#rows.has(todo)) {
        if (deadline.timeRemaining() < 1) return void whenIdle((next) => this.#drawRest(next));
        this.#place(todo, last);
      }
      last = todo;
    }
  }

  #place(todo, before) {
    if (this.#rows.has(todo)) return;
    const row = new TodoView(todo, this.#template);
    this.#rows.set(todo, row);
    this.#views.set(row.element, row);
    if (before) this.#rows.get(before).element.after(row.element);
    else this.#list.prepend(row.element);
  }

  #change(todo) {
    const row = this.#rows.get(todo);
    row?.render();
    if (row && !todo.matches(this.#filter)) this.#passFocus(row);
  }

  #remove(todo) {
    const row = this.#rows.get(todo);
    if (!row) return;
    this.#passFocus(row);
    this.#rows.delete(todo);
    row.element.remove();
  }

  /** Gives the focus, where it is in a row about to go, to the same control of a neighbour. */
  #passFocus({ element }) {
    const focused = document.activeElement;
    if (!element.contains(focused)) return;
    const shown = (each) => this.#views.get(each).todo.matches(this.#filter);
    const neighbour = walk(element, 'nextElementSibling', shown) ?? walk(element, 'previousElementSibling', shown);
    if (neighbour) this.#views.get(neighbour).focus(focused.dataset.action);
    else this.#list.dispatchEvent(new Event('empty'));
  }

  #click(row, target) {
    const { action } = target.dataset;
    if (action === 'toggle') row.todo.toggle();
    if (action === 'destroy') row.todo.destroy();
    if (action === 'edit' && target.matches('button')) this.edit(row.todo);
  }

  #key(row, event) {
    if (event.key === 'Escape') this.#leave(row);
    if (isEnter(event)) this.#save(row);
  }

  #save(row) {
    const title = this.#leave(row);
    if (title) row.todo.save({ title });
    if (title === '') row.todo.destroy();
  }

  #leave(row) {
    const typed = row.leave();
    this.#todos.setEditing(row.todo, false);
    return typed;
  }
}

/** An Enter that ends the composition of an input method is not one. (Safari sends it after the composition: 229.) */
export function isEnter(event) {
  return event.key === 'Enter' && !event.isComposing && event.keyCode !== 229;
}

function walk(element, step, condition) {
  let each = element[step];
  while (each && !condition(each)) each = each[step];
  return each;
}

function whenIdle(work) {
  if (window.requestIdleCallback) return requestIdleCallback(work);
  const inTime = () => {
    const end = performance.now() + 8;
    work({ timeRemaining: () => end - performance.now() });
  };
  return setTimeout(inTime);
}
