import { isComposing, setText } from './elements.js';
import { ListView } from './list-view.js';
import { NotesView } from './notes-view.js';
import { Presses } from './presses.js';
import { titleIn, titlesIn } from './titles.js';
import { UndoView } from './undo-view.js';

/**
 * The page around the list: the new todo, what concerns all of them, and the filters.
 *
 * A view listens to the models and calls them; it never reads the page to know their state.
 */
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
    this.undo = new UndoView(parts, models, this.list);
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
    this.todos.createAll(titles);
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
    this.list.numberSoon();
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
