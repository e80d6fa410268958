/** `base` is what the server last said; `attributes` has what is still owed, too. */
export class Todo {
  editing = false;
  gone = false; // from the server
  live = false; // on the screen

  constructor(ref, base, sync) {
    Object.assign(this, { ref, base, sync, attributes: base });
  }

  get title() {
    const title = this.attributes.title ?? '';
    return typeof title === 'string' ? title : JSON.stringify(title); // other clients may send anything
  }

  get completed() {
    return Boolean(this.attributes.completed);
  }

  matches(filter) {
    return filter === 'all' || this.completed === (filter === 'completed');
  }

  save(changes) {
    this.sync.owe({ ref: this.ref, changes });
  }

  destroy() {
    this.sync.owe({ ref: this.ref, destroy: true });
  }
}
