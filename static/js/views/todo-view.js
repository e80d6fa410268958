/** One row: draws its todo when told to, and holds the editor while the title is edited. */
export class TodoView {
  #controls;
  #editor;
  #unchanged;

  constructor(todo, template) {
    this.todo = todo;
    this.element = template.content.firstElementChild.cloneNode(true);
    const [toggle, label, edit, destroy] = this.element.firstElementChild.children;
    this.#controls = { toggle, label, edit, destroy };
    this.render();
  }

  render() {
    const { toggle, label, edit, destroy } = this.#controls;
    const title = this.todo.title || '(no title)';
    this.element.classList.toggle('completed', this.todo.completed);
    toggle.checked = this.todo.completed;
    toggle.ariaLabel = title;
    label.textContent = title;
    edit.ariaLabel = `Edit ${title}`;
    destroy.ariaLabel = `Delete ${title}`;
  }

  /** Gives the focus to one of the controls: toggle, edit or destroy. */
  focus(control = 'toggle') {
    this.#controls[control].focus();
  }

  get editing() {
    return Boolean(this.#editor);
  }

  edit(text = this.todo.title) {
    const editor = document.createElement('input');
    Object.assign(editor, { className: 'edit', dir: 'auto', enterKeyHint: 'done', ariaLabel: 'Edit title' });
    editor.value = this.todo.title;
    this.#unchanged = editor.value;
    editor.value = text;
    this.#editor = editor;
    this.element.classList.add('editing');
    this.element.append(editor);
    editor.focus();
  }

  /** Closes the editor and returns what it held, trimmed, or undefined where nothing was changed. */
  leave() {
    const editor = this.#editor;
    const focused = editor === document.activeElement;
    this.#editor = undefined;
    this.element.classList.remove('editing');
    if (focused) this.focus('edit');
    editor.remove();
    return editor.value === this.#unchanged ? undefined : editor.value.trim();
  }
}
