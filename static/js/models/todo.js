/**
 * One todo: `base` is what the server last said of it, `attributes` what is shown: the base with what is still owed.
 *
 * Other clients may leave out or mistype any field, and add their own: nothing here drops or rewrites what it does
 * not change.
 */
export class Todo {
  base;
  attributes;
  editing = false;
  live = false;
  gone = false;
  #sync;

  /** `ref` is the id, or the Idempotency-Key of the create until the server has given an id. */
  constructor(ref, base, sync) {
    this.ref = ref;
    this.base = base;
    this.attributes = base;
    this.#sync = sync;
  }

  get title() {
    const { title } = this.attributes;
    return typeof title === 'string' ? title : title == null ? '' : JSON.stringify(title);
  }

  get completed() {
    return Boolean(this.attributes.completed);
  }

  toggle(completed = !this.completed) {
    this.save({ completed });
  }

  save(changes) {
    this.#sync.update(this.ref, changes);
  }

  destroy() {
    this.#sync.destroy(this.ref);
  }

  /** True when shown under `filter`: all, active or completed. */
  matches(filter) {
    return filter === 'all' || this.completed === (filter === 'completed');
  }
}
