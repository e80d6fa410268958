import { isComposing, partsOf, setAttribute } from './elements.js';
import { titleIn } from './titles.js';

const GROUP = 24; // rows
const ROW_HEIGHT = 60; // pixels, where a row is not laid out yet
const NUMBERING_DELAY = 50; // milliseconds
const SLICE = 10; // milliseconds of drawing in a row

/** The rows, in groups: the browser lays out those that are seen. */
export class ListView {
  /** @type {Map<Todo, RowView>} */
  rows = new Map();

  /** @type {WeakMap<Element, RowView>} */
  rowsByElement = new WeakMap();

  /** @type {Set<Element>} the groups that the browser does not lay out */
  skipped = new Set();

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timeout = undefined;

  /** @type {RowView | undefined} the row whose buttons are shown */
  pointed = undefined;

  /**
   * @param {{ list: HTMLElement, row: HTMLTemplateElement, input: HTMLInputElement }} parts
   * @param {Models} models
   * @param {Presses} presses
   */
  constructor({ list, row, input }, { todos, drafts }, presses) {
    this.presses = presses;
    this.list = list;
    this.template = /** @type {HTMLElement} */ (row.content.firstElementChild);
    this.input = input;
    this.todos = todos;
    this.drafts = drafts;
    todos.on('add', (todo) => this.add(todo));
    todos.on('change', (todo) => this.change(todo));
    todos.on('remove', (todo) => this.remove(todo));
    todos.on('move', (todo) => this.move(todo));
    this.onRow('click', (view, event) => this.click(view, event));
    this.onRow('dblclick', (view, event) => this.doubleClick(view, event));
    this.onRow('keydown', (view, event) => this.pressKey(view, event));
    this.onRow('input', (view) => this.keepDraft(view));
    this.onRow('focusout', (view, event) => this.loseFocus(view, event));
    this.onRow('pointerover', (view, event) => this.hover(view, event));
    this.onRow('pointerdown', (view) => this.point(view));
    const numberGroup = (event) => this.numberGroup(event);
    list.addEventListener('contentvisibilityautostatechange', numberGroup, true);
    list.addEventListener('pointerleave', (event) => this.hover(undefined, event));
  }

  get isEditing() {
    return [...this.rows.values()].some(({ editor }) => editor);
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
    this.numberSoon();
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
    this.rows.set(todo, view);
    this.rowsByElement.set(view.element, view);
    this.put(view, before);
  }

  /** @param {Todo} todo whose place is another one now; its focus stays with it */
  move(todo) {
    const view = this.rows.get(todo);
    if (!view) return;
    const { activeElement } = document;
    this.put(view, this.todos.before(todo, (each) => this.rows.has(each)));
    if (activeElement === view.element) view.focus();
    else if (activeElement instanceof HTMLElement) activeElement.focus();
  }

  put(view, before) {
    const previous = before && this.rows.get(before)?.element;
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
      next.role = 'none';
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

  numberGroup({ target, skipped }) {
    if (skipped) this.skipped.add(target);
    else this.skipped.delete(target);
    this.numberSoon();
  }

  /** Numbers once for all that changes in a moment, after it is drawn. */
  numberSoon() {
    this.timeout ??= setTimeout(() => this.number(), NUMBERING_DELAY);
  }

  /**
   * Tells screen readers which row of how many each is. (They get those that the browser lays out.)
   */
  number() {
    this.timeout = undefined;
    const shown = this.todos.visible.filter((todo) => this.isShown(todo));
    shown.forEach((todo, place) => {
      const { element } = this.rows.get(todo) ?? {};
      const group = element?.parentElement;
      if (!element || !group || this.skipped.has(group)) return;
      setAttribute(element, 'aria-posinset', String(place + 1));
      setAttribute(element, 'aria-setsize', String(shown.length));
    });
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

  /** @param {RowView} view that goes, to hand its focus to the next row or to the input */
  passFocus({ element, todo, editor }) {
    if (!element.contains(document.activeElement) || editor) return;
    const isNear = (each) => each === todo || (each.isVisible && this.isShown(each));
    const near = this.todos.all.filter(isNear);
    const place = near.indexOf(todo);
    this.focusRow(near[place + 1] ?? near[place - 1]);
  }

  focusFirst() {
    this.focusRow(this.todos.visible.find((todo) => this.isShown(todo)));
  }

  /**
   * Focuses the row itself, not one of its controls: nobody has chosen that todo yet, and what is
   * typed or pressed next must not act on it.
   * @param {Todo | undefined} todo
   */
  focusRow(todo) {
    const row = todo && this.rows.get(todo);
    if (row) row.focus();
    else this.input.focus();
  }

  /** (Before a finger or a pen taps, it points at nothing; and it leaves after each tap.) */
  hover(view, { pointerType }) {
    if (pointerType === 'mouse') this.point(view);
  }

  /** @param {RowView | undefined} view whose buttons are to be shown */
  point(view) {
    if (view === this.pointed) return;
    this.pointed?.element.toggleAttribute('data-pointed', false);
    view?.element.toggleAttribute('data-pointed', true);
    this.pointed = view;
  }

  click({ todo, parts }, { target }) {
    if (target === parts.toggle) todo.change({ completed: !todo.completed });
    if (target === parts.destroy) todo.delete();
    if (target === parts.rename) this.edit(todo);
  }

  /** (A browser that translates the page puts elements of its own around words.) */
  doubleClick({ todo, parts }, { target }) {
    if (parts.label.contains(target)) this.edit(todo);
  }

  loseFocus(view, { target }) {
    if (target === view.element) view.element.removeAttribute('tabindex');
    if (target === view.editor) this.presses.afterPress(() => this.save(view));
  }

  pressKey(view, event) {
    if (!view.editor || isComposing(event)) return;
    if (event.key === 'Escape') this.close(view);
    if (event.key !== 'Enter') return;
    event.preventDefault(); // the button that gets the focus would take the key, too
    this.save(view);
  }

  /** @param {string} text to begin with */
  edit(todo, text = todo.title, seen = todo.shown) {
    if (!this.rows.has(todo)) this.add(todo);
    const view = this.rows.get(todo);
    if (!view || view.editor) return;
    this.todos.setEdited(todo, true);
    view.openEditor(text, seen);
    if (text !== todo.title) this.keepDraft(view);
  }

  keepDraft(view) {
    const { todo, editor, seen } = view;
    view.draw();
    const text = editor?.value ?? '';
    this.drafts.keep({ editor: editor && { todoKey: todo.key, text, seen } });
  }

  save(view) {
    if (!view.editor) return;
    const { isChanged, title } = this.close(view);
    if (isChanged && title) view.todo.change({ title }, view.seen);
    if (isChanged && !title) view.todo.delete(view.seen);
  }

  close(view) {
    const typed = view.closeEditor();
    this.drafts.keep({ editor: null });
    this.todos.setEdited(view.todo, false);
    return typed;
  }
}

/** One todo in the list. */
class RowView {
  /** @type {HTMLTextAreaElement | null} */
  editor = null;
  unchanged = '';

  /** @type {Fields} what the user was looking at when the editor was opened */
  seen = {};

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

  /** While the title is edited, the row is as high as what is typed. */
  draw() {
    const { title, completed } = this.todo;
    const { toggle, label, rename, destroy } = this.parts;
    const name = titleIn(title) || '(no title)';
    this.element.classList.toggle('completed', completed);
    toggle.checked = completed;
    label.textContent = this.editor?.value || name;
    toggle.ariaLabel = name;
    rename.ariaLabel = `Edit ${name}`;
    destroy.ariaLabel = `Delete ${name}`;
  }

  focus() {
    this.element.tabIndex = -1; // until the focus leaves it: a click on the row is to move none
    this.element.focus();
  }

  openEditor(text, seen) {
    const editor = document.createElement('textarea');
    editor.className = 'edit';
    editor.dir = 'auto';
    editor.translate = false;
    editor.enterKeyHint = 'done';
    editor.ariaLabel = 'Title';
    editor.value = this.todo.title;
    this.unchanged = editor.value; // whose line breaks are all alike
    editor.value = text;
    this.seen = seen;
    this.editor = editor;
    this.draw();
    this.element.classList.add('editing');
    this.element.append(editor);
    editor.focus();
  }

  /** @returns {{ isChanged: boolean, title: string }} what was typed */
  closeEditor() {
    const editor = /** @type {HTMLTextAreaElement} */ (this.editor);
    this.editor = null;
    this.draw();
    this.element.classList.remove('editing');
    if (editor === document.activeElement) this.parts.rename.focus();
    editor.remove();
    return { isChanged: editor.value !== this.unchanged, title: titleIn(editor.value) };
  }
}
