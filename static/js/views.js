/**
 * What the user sees. A view listens to the models and calls them; it never reads the page to know
 * their state.
 */

const GROUP = 24; // rows
const ROW_HEIGHT = 60; // pixels, where a row is not laid out yet
const SLICE = 10; // milliseconds of drawing in a row
const SLOW = 500; // milliseconds; what is saved sooner is not spoken of

/** The page around the list: the new todo, what concerns all of them, and the filters. */
export class AppView {
  isDrawingSoon = false;

  /**
   * @param {AppParts} parts
   * @param {object} models
   * @param {Todos} models.todos
   * @param {Sync} models.sync
   */
  constructor(parts, { todos, sync }) {
    this.parts = parts;
    this.todos = todos;
    this.list = new ListView(parts, todos);
    this.notes = new NotesView(parts, { todos, sync }, (todo, text) => this.list.edit(todo, text));
    todos.on('add', () => this.drawSoon());
    todos.on('change', () => this.drawSoon());
    todos.on('remove', () => this.drawSoon());
    parts.input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !isComposing(event)) this.create();
    });
    parts.toggleAll.addEventListener('change', () => todos.completeAll(parts.toggleAll.checked));
    parts.clear.addEventListener('click', () => this.clearCompleted());
    addEventListener('hashchange', () => this.route());
    this.route();
    this.list.draw();
    this.draw();
  }

  /** A hash that no link has means all. */
  route() {
    const links = [...this.parts.filters.querySelectorAll('a')];
    const chosen = links.find(({ hash }) => hash === location.hash) ?? links[0];
    this.list.setFilter(chosen.hash);
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
    (this.todos.visible.length ? toggleAll : input).focus();
  }

  /** Draws once for all that changes in a moment. */
  drawSoon() {
    if (this.isDrawingSoon) return;
    this.isDrawingSoon = true;
    queueMicrotask(() => this.draw());
  }

  draw() {
    const { main, footer, toggleAll, remaining, unit, clear } = this.parts;
    const { visible, completed } = this.todos;
    const left = visible.length - completed.length;
    this.isDrawingSoon = false;
    main.hidden = !visible.length;
    footer.hidden = !visible.length;
    toggleAll.checked = !left;
    clear.hidden = !completed.length;
    remaining.textContent = String(left);
    unit.textContent = left === 1 ? ' item left' : ' items left';
    document.title = left ? `(${left}) TodoMVC` : 'TodoMVC';
  }
}

/** The rows, in groups: the browser lays out those that are seen. */
class ListView {
  /** @type {Map<Todo, RowView>} */
  rows = new Map();

  /** @type {WeakMap<Element, RowView>} */
  rowsByElement = new WeakMap();

  /**
   * @param {{ list: HTMLElement, row: HTMLTemplateElement, input: HTMLInputElement }} parts
   * @param {Todos} todos
   */
  constructor({ list, row, input }, todos) {
    this.list = list;
    this.template = /** @type {HTMLElement} */ (row.content.firstElementChild);
    this.input = input;
    this.todos = todos;
    todos.on('add', (todo) => this.add(todo));
    todos.on('change', (todo) => this.change(todo));
    todos.on('remove', (todo) => this.remove(todo));
    this.onRow('click', (view, event) => this.click(view, event));
    this.onRow('dblclick', (view, event) => this.doubleClick(view, event));
    this.onRow('keydown', (view, event) => this.pressKey(view, event));
    this.onRow('focusout', (view, event) => this.loseFocus(view, event));
  }

  onRow(type, listener) {
    this.list.addEventListener(type, (event) => {
      const element = /** @type {Element} */ (event.target).closest('li');
      const view = element && this.rowsByElement.get(element);
      if (view) listener(view, event);
    });
  }

  /** @param {string} filter a hash; the style sheet hides the others */
  setFilter(filter) {
    this.list.dataset.filter = filter;
    for (const group of this.list.children) this.measure(/** @type {HTMLElement} */ (group));
  }

  isShown({ completed }) {
    const { filter } = this.list.dataset;
    return filter === '#/' || completed === (filter === '#/completed');
  }

  /** What is seen first; the rest a little at a time. */
  draw() {
    this.drawRows(this.todos.visible.filter((todo) => this.isShown(todo)).slice(0, GROUP));
    this.drawRestLater();
  }

  drawRestLater() {
    if (this.rows.size >= this.todos.visible.length) return;
    setTimeout(() => {
      this.drawRows(this.todos.visible);
      this.drawRestLater();
    });
  }

  drawRows(todos) {
    const end = performance.now() + SLICE;
    let last;
    for (const todo of todos) {
      if (performance.now() > end) break;
      if (!this.rows.has(todo)) this.place(todo, last);
      last = todo;
    }
  }

  add(todo) {
    this.place(todo, this.todos.before(todo, (each) => this.rows.has(each)));
  }

  /** @param {Todo | undefined} before the one whose row it follows; without one it is the first */
  place(todo, before) {
    const view = new RowView(todo, this.template);
    const previous = before && this.rows.get(before)?.element;
    this.rows.set(todo, view);
    this.rowsByElement.set(view.element, view);
    if (previous) previous.after(view.element);
    else this.list.firstElementChild?.prepend(view.element);
    const group = /** @type {HTMLElement} */ (view.element.parentElement);
    this.split(group, view.element.nextSibling ? GROUP / 2 : GROUP);
  }

  /**
   * Splits a group that has become too large, but not where the focus is: it would be lost.
   * @param {number} place of the first row of the new group
   */
  split(group, place) {
    if (group.children.length > GROUP && !group.contains(document.activeElement)) {
      const next = document.createElement('ul');
      next.append(...[...group.children].slice(place));
      group.after(next);
      this.measure(next);
    }
    this.measure(group);
  }

  /** @param {HTMLElement} group to tell the browser the height of before it lays it out */
  measure(group) {
    const views = [...group.children].map((element) => this.rowsByElement.get(element));
    const shown = views.filter((view) => view && this.isShown(view.todo));
    group.style.containIntrinsicBlockSize = `${shown.length * ROW_HEIGHT}px`;
  }

  change(todo) {
    const view = this.rows.get(todo);
    if (!view) return;
    view.draw();
    if (!this.isShown(todo)) this.passFocus(view);
  }

  remove(todo) {
    const view = this.rows.get(todo);
    if (!view) return;
    this.passFocus(view);
    view.element.remove();
    this.rows.delete(todo);
  }

  /** @param {RowView} view that goes, to hand its focus to a neighbour or to the input */
  passFocus({ element, todo, editor }) {
    const { activeElement } = document;
    if (!element.contains(activeElement) || editor) return;
    const isNear = (each) => each === todo || (each.isVisible && this.isShown(each));
    const near = this.todos.all.filter(isNear);
    const place = near.indexOf(todo);
    const neighbour = this.rows.get(near[place + 1] ?? near[place - 1]);
    const { ref } = /** @type {HTMLElement} */ (activeElement).dataset;
    (neighbour?.parts[ref ?? ''] ?? this.input).focus();
  }

  click({ todo, parts }, { target }) {
    if (target === parts.toggle) todo.change({ completed: !todo.completed });
    if (target === parts.destroy) todo.delete();
    if (target === parts.rename) this.edit(todo);
  }

  doubleClick({ todo, parts }, { target }) {
    if (target === parts.label) this.edit(todo);
  }

  loseFocus(view, { target }) {
    if (target === view.editor) this.save(view);
  }

  pressKey(view, event) {
    if (!view.editor || isComposing(event)) return;
    if (event.key === 'Escape') this.close(view);
    if (event.key !== 'Enter') return;
    event.preventDefault(); // the button that gets the focus would take the key, too
    this.save(view);
  }

  /** @param {string} text to begin with */
  edit(todo, text = todo.title) {
    const view = this.rows.get(todo);
    if (!view || view.editor) return;
    this.todos.setEdited(todo, true);
    view.openEditor(text);
  }

  save(view) {
    const { isChanged, title } = this.close(view);
    if (isChanged && title) view.todo.change({ title });
    if (isChanged && !title) view.todo.delete();
  }

  close(view) {
    const typed = view.closeEditor();
    this.todos.setEdited(view.todo, false);
    return typed;
  }
}

/** One todo in the list. */
class RowView {
  /** @type {HTMLInputElement | null} */
  editor = null;
  unchanged = '';

  /**
   * @param {Todo} todo
   * @param {HTMLElement} template
   */
  constructor(todo, template) {
    this.todo = todo;
    this.element = /** @type {HTMLElement} */ (template.cloneNode(true));
    /**
     * @type {{ toggle: HTMLInputElement, label: HTMLElement, rename: HTMLElement, destroy:
     *   HTMLElement }}
     */
    this.parts = partsOf(this.element);
    this.draw();
  }

  draw() {
    const { title, completed } = this.todo;
    const { toggle, label, rename, destroy } = this.parts;
    const name = title || '(no title)';
    this.element.classList.toggle('completed', completed);
    toggle.checked = completed;
    label.textContent = name;
    toggle.ariaLabel = name;
    rename.ariaLabel = `Edit ${name}`;
    destroy.ariaLabel = `Delete ${name}`;
  }

  openEditor(text) {
    const editor = document.createElement('input');
    editor.className = 'edit';
    editor.dir = 'auto';
    editor.ariaLabel = 'Title';
    editor.value = this.todo.title;
    this.unchanged = editor.value; // without the line breaks of the title
    editor.value = text;
    this.editor = editor;
    this.element.classList.add('editing');
    this.element.append(editor);
    editor.focus();
  }

  /** @returns {{ isChanged: boolean, title: string }} what was typed */
  closeEditor() {
    const editor = /** @type {HTMLInputElement} */ (this.editor);
    this.editor = null;
    this.element.classList.remove('editing');
    if (editor === document.activeElement) this.parts.rename.focus();
    editor.remove();
    return { isChanged: editor.value !== this.unchanged, title: editor.value.trim() };
  }
}

/** The lines below the list: what is not saved yet, and what was refused. */
class NotesView {
  line = '';
  isDrawingLater = false;

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timeout = undefined;

  /**
   * @param {NotesParts} parts
   * @param {object} models
   * @param {Todos} models.todos
   * @param {Sync} models.sync
   * @param {(todo: Todo, text: string) => void} edit opens a todo's editor
   */
  constructor({ alert, status, input }, { todos, sync }, edit) {
    this.alert = alert;
    this.status = status;
    this.input = input;
    this.edit = edit;
    todos.on('refused', (refusal) => this.showRefusal(refusal));
    sync.on('status', (status) => this.showStatus(status));
  }

  showStatus({ owed, isFailing, isUnsafe }) {
    const advice = isUnsafe ? '. Keep this page open: this browser stores nothing for it' : '';
    const changes = owed === 1 ? 'change' : 'changes';
    const state = isFailing ? 'retrying' : 'saving';
    this.line = owed ? `${owed} ${changes} not saved yet — ${state}${advice}` : '';
    if (isFailing || !owed || this.status.textContent) this.drawStatus();
    else this.timeout ??= setTimeout(() => this.drawStatus(), SLOW);
  }

  drawStatus() {
    clearTimeout(this.timeout);
    this.timeout = undefined;
    if (this.status.textContent !== this.line) this.status.textContent = this.line;
  }

  showRefusal({ todo, text, reason }) {
    const words = `${text ? `“${text}”` : 'A change'} was not saved. ${reason} `;
    if (this.isSaid(words)) return;
    const line = document.createElement('p');
    line.textContent = words;
    const isReturned = !text || this.returnToInput(todo, text);
    const button = document.createElement('button');
    button.textContent = isReturned ? 'Dismiss' : 'Edit again';
    button.addEventListener('click', () => {
      line.remove();
      if (isReturned) this.input.focus();
      else this.editAgain(todo, text);
    });
    line.append(button);
    this.alert.append(line);
  }

  isSaid(words) {
    return [...this.alert.children].some((line) => line.firstChild?.textContent === words);
  }

  /**
   * Puts the text of a todo that is not in the list where it can be added again, if nothing else is
   * typed there.
   * @returns {boolean} whether it was put there
   */
  returnToInput(todo, text) {
    if (todo?.isVisible || this.input.value) return false;
    this.input.value = text;
    return true;
  }

  editAgain(todo, text) {
    if (todo?.isVisible) {
      this.edit(todo, text);
    } else {
      this.input.value = text;
      this.input.focus();
    }
  }
}

/** @returns {any} the elements in it that code uses, by their data-ref */
export function partsOf(root) {
  /** @type {NodeListOf<HTMLElement>} */
  const elements = root.querySelectorAll('[data-ref]');
  return Object.fromEntries([...elements].map((element) => [element.dataset.ref, element]));
}

/** @returns {boolean} whether the key is an input method's own (Safari says so by 229) */
function isComposing({ isComposing, keyCode }) {
  return isComposing || keyCode === 229;
}
