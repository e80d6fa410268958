export class TodoView {
  constructor(todo, template) {
    this.todo = todo;
    this.element = template.content.firstElementChild.cloneNode(true);
    [this.toggle, this.label, this.rename, this.destroy] = this.element.firstElementChild.children;
    this.render();
  }

  render() {
    const { title, completed } = this.todo;
    const name = title || '(no title)';
    this.element.classList.toggle('completed', completed);
    this.toggle.checked = completed;
    this.label.textContent = this.toggle.ariaLabel = name;
    this.rename.ariaLabel = `Edit ${name}`;
    this.destroy.ariaLabel = `Delete ${name}`;
  }

  edit(text = this.todo.title) {
    const editor = Object.assign(document.createElement('input'), { className: 'edit', dir: 'auto', ariaLabel: 'Title' });
    editor.value = this.todo.title; // without its line breaks
    this.unchanged = editor.value;
    editor.value = text;
    this.editor = editor;
    this.element.classList.add('editing');
    this.element.append(editor);
    editor.focus();
  }

  /** Returns what was typed, or undefined where nothing changed. */
  leave() {
    const { editor } = this;
    this.editor = undefined;
    this.element.classList.remove('editing');
    if (editor === document.activeElement) this.rename.focus();
    editor.remove();
    return editor.value === this.unchanged ? undefined : editor.value.trim();
  }
}
