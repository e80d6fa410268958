import { isEnter, ListView } from './list-view.js';

const SLOW = 500;

export class AppView {
  parts = {};
  line = '';

  constructor(todos, sync, router) {
    for (const element of document.querySelectorAll('[data-ref]')) this.parts[element.dataset.ref] = element;
    const { input, list, row, toggleAll, clear } = this.parts;
    this.todos = todos;
    this.list = new ListView(list, row, todos);
    for (const type of ['reset', 'add', 'change', 'remove']) todos.addEventListener(type, () => this.drawSoon());
    todos.addEventListener('refused', ({ detail }) => this.refuse(detail));
    sync.addEventListener('status', ({ detail }) => this.tell(detail));
    router.addEventListener('filter', () => this.drawFilter(router.filter));
    input.addEventListener('keydown', (event) => isEnter(event) && this.create());
    toggleAll.addEventListener('change', () => todos.toggleAll(toggleAll.checked));
    clear.addEventListener('click', () => this.clearCompleted());
    list.addEventListener('empty', () => input.focus());
    addEventListener('pagehide', () => document.activeElement?.blur()); // saves what is in an editor
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
    (this.todos.length ? toggleAll : input).focus();
  }

  drawFilter(filter) {
    this.list.filter = filter;
    for (const link of this.parts.filters.querySelectorAll('a')) {
      const selected = link.textContent.toLowerCase() === filter;
      link.classList.toggle('selected', selected);
      link.ariaCurrent = selected ? 'page' : null;
    }
  }

  drawSoon() {
    this.drawing ??= Promise.resolve().then(() => this.draw());
  }

  draw() {
    const { main, footer, toggleAll, count, clear } = this.parts;
    const { length, remaining, completed } = this.todos;
    this.drawing = undefined;
    main.hidden = footer.hidden = !length;
    toggleAll.checked = length > 0 && !remaining;
    clear.hidden = !completed;
    count.firstChild.textContent = remaining;
    count.lastChild.textContent = remaining === 1 ? ' item left' : ' items left';
    document.title = remaining ? `(${remaining}) TodoMVC` : 'TodoMVC';
  }

  /** Quiet where it is saved at once. */
  tell({ owed, failing, unsafe }) {
    const lost = unsafe ? '. Keep this page open: this browser stores nothing for it' : '';
    this.line = owed && `${plural(owed, 'change')} not saved yet — ${failing ? 'retrying' : 'saving'}${lost}`;
    if (failing || !owed || this.parts.status.textContent) this.drawLine();
    else this.slow ??= setTimeout(() => this.drawLine(), SLOW);
  }

  drawLine() {
    const { status } = this.parts;
    clearTimeout(this.slow);
    this.slow = undefined;
    if (status.textContent !== this.line) status.textContent = this.line || '';
  }

  refuse({ todo, text, reason }) {
    const { alert, input } = this.parts;
    const line = document.createElement('p');
    line.textContent = `${text ? `“${text}”` : 'A change'} was not saved. ${reason} `;
    if ([...alert.children].some((each) => each.firstChild.data === line.textContent)) return;
    const inInput = text && !todo?.live && !input.value;
    if (inInput) input.value = text;
    line.append(this.button(line, text && !inInput ? 'Edit again' : 'Dismiss', () => this.offer(todo, text, inInput)));
    alert.append(line);
  }

  button(line, name, act) {
    const button = Object.assign(document.createElement('button'), { type: 'button', textContent: name });
    button.addEventListener('click', () => { line.remove(); act(); });
    return button;
  }

  offer(todo, text, inInput) {
    const { input } = this.parts;
    if (text && todo?.live) return this.list.edit(todo, text);
    if (text && !inInput) input.value = text;
    return input.focus();
  }
}

function plural(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
