const SIGN_OF_LIFE = 1000; // milliseconds; the tab of a draft that is older than two is gone
const GONE = 2 * SIGN_OF_LIFE + 500;

/**
 * What is typed and not entered yet, kept as it is typed. Each tab has a draft of its own; the
 * draft of a tab that is gone goes to the next one that opens.
 */
export class Drafts {
  /** @type {Draft} */
  draft = { input: '', editor: null, time: 0 };

  /** @type {unknown} */
  timeout = undefined;

  /**
   * @param {string} name what the keys of the drafts begin with
   * @param {object} parts
   * @param {JSONStorage} parts.storage of all tabs
   * @param {JSONStorage} parts.tabStorage of this one; it outlives a reload
   * @param {Clock} parts.clock
   * @param {() => string} parts.randomKey
   */
  constructor(name, { storage, tabStorage, clock, randomKey }) {
    this.prefix = `draft: ${name} `;
    this.storage = storage;
    this.tabStorage = tabStorage;
    this.clock = clock;
    this.previousKey = tabStorage.read(this.prefix);
    // Anew at each load, as the duplicate of a tab has the same storage.
    this.key = this.prefix + randomKey();
    tabStorage.write(this.prefix, this.key);
  }

  /** @param {Partial<Draft>} part what has changed of it */
  keep(part) {
    Object.assign(this.draft, part);
    this.save();
  }

  save() {
    const { draft, clock } = this;
    clock.clearTimeout(this.timeout);
    if (!draft.input && !draft.editor) {
      this.storage.remove(this.key);
      return;
    }
    draft.time = clock.now();
    this.storage.write(this.key, draft);
    this.timeout = clock.setTimeout(() => this.save(), SIGN_OF_LIFE);
  }

  /**
   * Gives the drafts of this tab before its reload, and of tabs that are gone; now, and of those
   * that go in this moment.
   * @param {(draft: Draft) => void} receive
   */
  takeOver(receive) {
    this.takeGone(receive);
    this.clock.setTimeout(() => this.takeGone(receive), GONE);
  }

  takeGone(receive) {
    for (const key of this.storage.keys(this.prefix)) {
      const draft = this.storage.read(key);
      const isGone = key === this.previousKey || this.clock.now() - (draft?.time ?? 0) > GONE;
      if (key === this.key || !isGone) continue;
      this.storage.remove(key);
      if (draft) receive(draft);
    }
  }
}
