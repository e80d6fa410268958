import { isEnter, ListView } from './list-view.js';
import { NoticeView } from './notice-view.js';

/** The page around the list: the input, toggle-all, the footer and the title. */
export class AppView {
  #parts = {};
  #todos;
  #list;
  #stale = false;

  constructor(root, todos, sync, router) {
    for (const element of root.querySelectorAll('[data-ref]')) this.#parts[element.dataset.ref] = element;
    const { input, list, row, toggleAll, clear } = this.#parts;
    this.#todos = todos;
    this.#list = new ListView(list, row, todos);
    new NoticeView(this.#parts, this.#list, todos, sync);
    for (const type of ['reset', 'add', 'change', 'remove']) todos.addEventListener(type, () => this.#drawSoon());
    router.addEventListener('filter', () => this.#drawFilter(router.filter));
    input.addEventListener('keydown', (event) => isEnter(event) && this.#create());
    toggleAll.addEventListener('change', () => todos.toggleAll(toggleAll.checked));
    clear.addEventListener('click', () => this.#clearCompleted());
    list.addEventListener('empty', () => input.focus());
  }

  #create() {
    const title = this.#parts.input.value.trim();
    if (!title) return;
    this.#todos.create(title);
    this.#parts.input.value = '';
  }

  #clearCompleted() {
    this.#todos.clearCompleted();
    this.#parts[this.#todos.length ? 'toggleAll' : 'input'].focus();
  }

  #drawFilter(filter) {
    this.#list.filter = filter;
    for (const link of this.#parts.filters.querySelectorAll('a')) {
      const selected = link.textContent.toLowerCase() === filter;
      link.classList.toggle('selected', selected);
      link.ariaCurrent = selected ? 'page' : null;
    }
  }

  /** However many todos change at once, what counts them is drawn once. */
  #drawSoon() {
    if (!this.#stale) queueMicrotask(() => this.#draw());
    this.#stale = true;
  }

  #draw() {
    const { main, footer, toggleAll, count, clear } = this.#parts;
    const { length, remaining, completed } = this.#todos;
    this.#stale = false;
    main.hidden = footer.hidden = length === 0;
    toggleAll.checked = length > 0 && remaining === 0;
    clear.hidden = completed === 0;
    const number = document.createElement('strong');
    number.textContent = remaining;
    count.replaceChildren(number, remaining === 1 ? ' item left' : ' items left');
    document.title = remaining ? `(${remaining}) TodoMVC` : 'TodoMVC';
  }
}
