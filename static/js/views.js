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
    this.list = new ListView(parts, models);
    this.notes = new NotesView(parts, models, this.list);
    parts.input.addEventListener('input', () => drafts.keep({ input: parts.input.value }));
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
    drafts.takeOver((draft) => this.restore(draft));
  }

  /** Puts back what was typed. What finds its place taken is offered below the list. */
  restore({ input: text, editor }) {
    const { input } = this.parts;
    if (editor) this.restoreEditor(editor, this.list.isEditing || (input.value || text) !== text);
    if (!text) return;
    if (input.value && input.value !== text) {
      this.sync.keepWords(text, 'You were typing it in another tab.');
    } else {
      input.value = text;
      this.drafts.keep({ input: text });
    }
  }

  /**
   * @param {NonNullable<Draft['editor']>} editor
   * @param {boolean} isTyping whether the focus has to stay where it is
   */
  restoreEditor({ todoKey, text, seen }, isTyping) {
    const todo = this.todos.byKey.get(todoKey);
    if (!todo?.isVisible) this.sync.keepWords(text, 'The todo that you were editing is gone.');
    else if (isTyping) this.sync.keepWords(text, 'You were editing it in another tab.', todoKey);
    else this.list.edit(todo, text, seen);
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
    this.drafts.keep({ input: '' });
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
   * @param {Models} models
   */
  constructor({ list, row, input }, { todos, drafts }) {
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
  edit(todo, text = todo.title, seen = todo.shown) {
    if (!this.rows.has(todo)) this.add(todo);
    const view = this.rows.get(todo);
    if (!view || view.editor) return;
    this.todos.setEdited(todo, true);
    view.openEditor(text, seen);
    if (text !== todo.title) this.keepDraft(view);
  }

  keepDraft({ todo, editor, seen }) {
    const text = editor?.value ?? '';
    this.drafts.keep({ editor: editor && { todoKey: todo.key, text, seen } });
  }

  save(view) {
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
  /** @type {HTMLInputElement | null} */
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

  openEditor(text, seen) {
    const editor = document.createElement('input');
    editor.className = 'edit';
    editor.dir = 'auto';
    editor.ariaLabel = 'Title';
    editor.value = this.todo.title;
    this.unchanged = editor.value; // without the line breaks of the title
    editor.value = text;
    this.seen = seen;
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
    const act = (label, work) => {
      const button = document.createElement('button');
      button.textContent = label;
      button.addEventListener('click', () => {
        this.sync.dropWords(recordKey);
        work(this.todos.byKey.get(todoKey));
      });
      line.append(' ', button);
    };
    const toInput = () => this.parts.input.focus();
    if (kind === 'delete') {
      line.append(`“${short(reason)}” was changed elsewhere after you had read it. Delete it?`);
      act('Delete', (todo) => todo?.delete());
      act('Keep it', toInput);
    } else if (kind === 'title') {
      line.append(`“${short(text)}” was not saved. It was changed elsewhere: “${short(reason)}”.`);
      act('Use mine', (todo) => this.useMine(todo, text));
      act('Keep theirs', toInput);
    } else {
      line.append(`${text ? `“${short(text)}”` : 'A change'} was not saved. ${reason}`);
      if (text) act('Edit again', (todo) => this.editAgain(todo, text));
      act('Dismiss', toInput);
    }
    return line;
  }

  useMine(todo, text) {
    if (todo?.isVisible) todo.change({ title: text });
    else this.editAgain(todo, text);
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
