/**
 * One todo. `base` is what the server last said of it, `attributes` what is shown: that, and what is still owed. Other
 * clients may leave out, mistype or add fields; they stay as they are.
 */
export class Todo {
  editing = false;
  gone = false; // from the server
  live = false; // on the screen

  /** `ref` is the id or, until the server has given one, the Idempotency-Key of the create. */
  constructor(ref, base, sync) {
    Object.assign(this, { ref, base, sync, attributes: base });
  }

  get title() {
    const { title } = this.attributes;
    return typeof title === 'string' ? title : JSON.stringify(title ?? '').replace(/^""$/, '');
  }

  get completed() {
    return Boolean(this.attributes.completed);
  }

  /** True when shown under `filter`: all, active or completed. */
  matches(filter) {
    return filter === 'all' || this.completed === (filter === 'completed');
  }

  save(changes) {
    this.sync.update(this.ref, changes);
  }

  destroy() {
    this.sync.destroy(this.ref);
  }
}
