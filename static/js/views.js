import { Presses } from './presses.js';
import { titleIn, titlesIn } from './titles.js';

/**
 * What the user sees. A view listens to the models and calls them; it never reads the page to know
 * their state.
 */

const GROUP = 24; // rows
const ROW_HEIGHT = 60; // pixels, where a row is not laid out yet
const SLICE = 10; // milliseconds of drawing in a row
const SLOW = 500; // milliseconds; what is saved sooner is not spoken of
const LONGEST_QUOTE = 200; // characters of a title in a line

/** What is wrong between the page and the server, in words. */
const TROUBLES = {
  none: '',
  blocked: '',
  signIn: 'The server wants you to sign in again',
  otherList: 'Another list is at this address now, or somebody else has signed in. '
    + 'What is not saved waits in this browser for its own list',
};

/** The page around the list: the new todo, what concerns all of them, and the filters. */
export class AppView {
  isDrawingSoon = false;

  /**
   * @param {AppParts} parts
   * @param {Models} models
   */
  constructor(parts, models) {
    const { todos, drafts } = models;
    this.parts = parts;
    this.todos = todos;
    this.drafts = drafts;
    this.sync = models.sync;
    this.list = new ListView(parts, models, new Presses(document));
    this.notes = new NotesView(parts, models, this.list);
    parts.input.addEventListener('input', () => drafts.keep({ input: parts.input.value }));
    todos.on('add', () => this.drawSoon());
    todos.on('change', () => this.drawSoon());
    todos.on('remove', () => this.drawSoon());
    parts.input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !isComposing(event)) this.create();
    });
    parts.input.addEventListener('paste', (event) => this.paste(event));
    parts.toggleAll.addEventListener('change', () => todos.completeAll(parts.toggleAll.checked));
    parts.clear.addEventListener('click', () => this.clearCompleted());
    addEventListener('hashchange', () => this.route());
    this.route();
    this.list.draw();
    this.draw();
    drafts.takeOver((draft) => this.restore(draft));
  }

  /** Puts back what was typed. What finds its place taken is offered below the list. */
  restore({ input: text, editor }) {
    const { input } = this.parts;
    const todo = editor && this.todos.byKey.get(editor.todoKey);
    if (editor && todo?.isVisible) this.list.edit(todo, editor.text, editor.seen);
    else if (editor) this.sync.keepWords(editor.text, 'The todo that you were editing is gone.');
    if (!text) return;
    if (input.value && input.value !== text) {
      this.sync.keepWords(text, 'You were typing it in another tab.');
    } else {
      input.value = text;
      this.drafts.keep({ input: text });
    }
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
    const title = titleIn(input.value);
    if (!title) return;
    this.todos.create(title);
    input.value = '';
    this.drafts.keep({ input: '' });
  }

  /** Makes a todo of each line, where there are several and nothing is typed yet. */
  paste(event) {
    const titles = titlesIn(event.clipboardData.getData('text/plain'));
    if (titles.length < 2 || this.parts.input.value) return;
    event.preventDefault();
    for (const title of titles) this.todos.create(title);
  }

  clearCompleted() {
    this.todos.clearCompleted();
    this.list.focusFirst();
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
    const { activeElement } = document;
    this.isDrawingSoon = false;
    this.list.number();
    main.hidden = !visible.length;
    footer.hidden = !visible.length;
    toggleAll.checked = !left;
    clear.hidden = !completed.length;
    setText(remaining, String(left));
    setText(unit, left === 1 ? ' item left' : ' items left');
    document.title = left ? `(${left}) TodoMVC` : 'TodoMVC';
    if (activeElement?.closest('[hidden]')) this.list.focusFirst();
  }
}

/** The rows, in groups: the browser lays out those that are seen. */
class ListView {
  /** @type {Map<Todo, RowView>} */
  rows = new Map();

  /** @type {WeakMap<Element, RowView>} */
  rowsByElement = new WeakMap();

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
    this.number();
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
    target.toggleAttribute('data-skipped', skipped);
    if (!skipped) this.number();
  }

  /**
   * Tells screen readers which row of how many each is. (They get those that the browser lays out.)
   */
  number() {
    const shown = this.todos.visible.filter((todo) => this.isShown(todo));
    shown.forEach((todo, place) => {
      const { element } = this.rows.get(todo) ?? {};
      if (!element || element.parentElement?.matches('[data-skipped]')) return;
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
    const view = this.rows.get(todo);
    if (!view || view.editor) return;
    this.todos.setEdited(todo, true);
    view.openEditor(text, seen);
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

/**
 * The lines below the list: what is not saved yet, and words that were not taken by the server.
 * They stay until the user has taken or dismissed them.
 */
class NotesView {
  line = '';

  /** @type {Map<string, HTMLElement>} by record key */
  lines = new Map();

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timeout = undefined;

  /**
   * @param {AppParts} parts
   * @param {Models} models
   * @param {ListView} list
   */
  constructor(parts, { todos, sync, waiting }, list) {
    this.parts = parts;
    this.todos = todos;
    this.sync = sync;
    this.list = list;
    sync.on('words', (words) => this.drawWords(words));
    sync.on('status', (status) => this.showStatus(status));
    parts.tryNow.addEventListener('click', () => sync.wake());
    offerCopy(parts.copyTodos, () => todos.visible.map(({ title }) => title));
    this.showWaiting(waiting);
  }

  showStatus({ owed, isFailing, isUnsafe, trouble }) {
    const changes = owed === 1 ? 'change' : 'changes';
    const state = isFailing ? 'retrying' : 'saving';
    const what = owed ? `${owed} ${changes} not saved yet — ${state}` : '';
    const advice = isUnsafe ? 'Keep this page open: this browser stores nothing for it' : '';
    this.line = [what, TROUBLES[trouble.kind] || trouble.detail, advice].filter(Boolean).join('. ');
    this.isFailing = isFailing;
    this.trouble = trouble.kind;
    if (isFailing || !this.line || this.parts.status.textContent) this.drawStatus();
    else this.timeout ??= setTimeout(() => this.drawStatus(), SLOW);
  }

  drawStatus() {
    const { status, tryNow, copyTodos, reload } = this.parts;
    clearTimeout(this.timeout);
    this.timeout = undefined;
    if (status.textContent !== this.line) status.textContent = this.line;
    tryNow.hidden = !(this.line && this.isFailing);
    copyTodos.hidden = this.trouble !== 'otherList';
    reload.hidden = !['signIn', 'otherList'].includes(this.trouble);
  }

  /** @param {Waiting} waiting what is owed to another list, which may never come back */
  showWaiting({ count, titles, forget }) {
    const { waiting, waitingText, waitingTitles, waitingCopy } = this.parts;
    const { waitingAdd, waitingForget } = this.parts;
    const finish = () => {
      forget();
      waiting.hidden = true;
      this.parts.input.focus();
    };
    const changes = count === 1 ? 'change waits' : 'changes wait';
    waiting.hidden = !count;
    waitingText.textContent = `${count} ${changes} in this browser for another list that was here.`;
    waitingTitles.replaceChildren(...titles.map((title) => {
      const item = document.createElement('li');
      item.textContent = short(title);
      return item;
    }));
    waitingCopy.hidden = !titles.length;
    waitingAdd.hidden = !titles.length;
    offerCopy(waitingCopy, () => titles);
    waitingAdd.addEventListener('click', () => {
      for (const title of titles) this.todos.create(title);
      finish();
    });
    waitingForget.addEventListener('click', finish);
  }

  /** @param {Map<string, Words>} words */
  drawWords(words) {
    for (const [recordKey, line] of this.lines) {
      if (words.has(recordKey)) continue;
      line.remove();
      this.lines.delete(recordKey);
    }
    for (const [recordKey, each] of words) {
      if (this.lines.has(recordKey)) continue;
      const line = this.lineOf(recordKey, each);
      this.lines.set(recordKey, line);
      this.parts.alert.append(line);
    }
    const { size } = this.lines;
    this.parts.alertCount.textContent = size > 1 ? `${size} changes were not saved:` : '';
  }

  lineOf(recordKey, { todoKey, kind, text, reason }) {
    const line = document.createElement('p');
    const todo = this.todos.byKey.get(todoKey);
    const act = (label, work) => {
      const button = document.createElement('button');
      button.textContent = label;
      button.addEventListener('click', () => {
        this.sync.dropWords(recordKey);
        work();
      });
      line.append(' ', button);
    };
    const toInput = () => this.parts.input.focus();
    if (kind === 'delete') {
      line.append(`“${short(reason)}” was changed elsewhere after you had read it. Delete it?`);
      act('Delete', () => todo?.delete());
      act('Keep it', toInput);
    } else if (kind === 'title') {
      line.append(`“${short(text)}” was not saved. It was changed elsewhere: “${short(reason)}”.`);
      act('Use mine', () => todo?.change({ title: text }));
      act('Keep theirs', toInput);
    } else {
      line.append(`${text ? `“${short(text)}”` : 'A change'} was not saved. ${reason}`);
      if (text) act('Edit again', () => this.editAgain(todo, text));
      act('Dismiss', toInput);
    }
    return line;
  }

  /**
   * Where the todo is gone, its words go to the input. What stands there is kept in their place.
   */
  editAgain(todo, text) {
    const { input } = this.parts;
    if (todo?.isVisible) {
      this.list.edit(todo, text);
      return;
    }
    const draft = input.value.trim();
    if (draft) this.sync.keepWords(draft, 'It is not added yet.');
    input.value = text;
    input.dispatchEvent(new Event('input'));
    input.focus();
  }
}

/** Some screen readers read a live region again when its text is replaced by the same. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function offerCopy(button, lines) {
  button.addEventListener('click', async () => {
    await copy(lines().join('\n'));
    button.textContent = 'Copied';
    button.focus();
  });
}

/** Without HTTPS there is no clipboard to write to, but what is selected can be copied. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
}

function short(text) {
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
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
