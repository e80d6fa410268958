import { Emitter } from './emitter.js';

const TIME = 10_000; // milliseconds after what was done last
const LONGEST = 60_000; // milliseconds for which one offer takes in what is done next
const STAY = 3000; // milliseconds that an offer stands at least while somebody stays at it
const BEAT = 1000; // milliseconds between two signs that somebody does
const SLACK = 1000; // milliseconds by which another tab waits longer

/**
 * The offer to take back what was just done. A DELETE is for ever, so those that are offered are
 * held back until the offer ends. All tabs share it: each hides what is held and can take it back,
 * and none sends it before. The time is kept in the storage, so that the offer ends, too, where the
 * tab that made it is gone.
 * @extends {Emitter<{ change: null }>}
 */
export class Undo extends Emitter {
  /** @type {Offer | null} */
  offer = null;

  /** @type {Set<TodoKey>} the todos whose deletes are held */
  held = new Set();

  /** @type {Set<string>} the ids of offers that have ended: news of them may come late */
  ended = new Set();

  isOurs = false; // this tab made it, or gave it more time, last
  isStaying = false;

  /**
   * For the other tabs: called when an offer is made, has more time, or ends.
   * @type {(id: string, offer: Offer | null) => void}
   */
  onOffer = () => {};

  /** @type {unknown} */
  timeout = undefined;

  /**
   * @param {string} name
   * @param {object} parts
   * @param {Outbox} parts.outbox
   * @param {JSONStorage} parts.storage
   * @param {Clock} parts.clock
   * @param {() => string} parts.randomKey
   */
  constructor(name, { outbox, storage, clock, randomKey }) {
    super();
    this.key = `undo: ${name}`;
    this.outbox = outbox;
    this.storage = storage;
    this.clock = clock;
    this.randomKey = randomKey;
    this.follow(storage.read(this.key));
  }

  get isOpen() {
    return this.offer !== null && this.clock.now() < this.offer.until;
  }

  /** @returns {[string, Deletion][]} the deletes that are held, with their record keys */
  get deletions() {
    /** @type {any} */
    const records = [...this.outbox.records];
    return records.filter(([, { offer }]) => offer && offer === this.offer?.id);
  }

  /** @returns {boolean} whether nothing is to be sent for the todo yet */
  holds(todoKey) {
    return this.held.has(todoKey);
  }

  /**
   * Offers to take back what is done now, together with what is still offered.
   * @param {string} word for it: Deleted, Cleared or Added
   * @param {TodoKey[]} [added] todos
   * @returns {string} the id of the offer
   */
  extend(word, added = []) {
    this.hearStored();
    const now = this.clock.now();
    const { offer: last } = this;
    const goesOn = last && this.isOpen && now + TIME <= last.from + LONGEST;
    const offer = goesOn ? last : { id: this.randomKey(), from: now, word, added: [] };
    this.set({
      ...offer,
      word: offer.word === word ? word : 'Deleted',
      added: [...offer.added, ...added],
      until: now + TIME,
    });
    return offer.id;
  }

  /** A debt has come to the outbox. */
  hold(debt) {
    const isHeld = debt.offer && debt.offer === this.offer?.id;
    if (!isHeld) return;
    this.held.add(this.outbox.currentKey(debt.todoKey));
    this.emit('change', null);
  }

  /** A todo has got its id. */
  identify(todoKey, id) {
    if (this.held.has(todoKey)) this.held.add(id);
  }

  /** @param {boolean} isStaying whether the user is at the offer, which stands as long */
  stay(isStaying) {
    this.isStaying = isStaying;
    this.check();
  }

  /**
   * Ends the offer, as it is taken.
   * @returns {{ deletions: [string, Deletion][], added: TodoKey[] }} what there is to take back
   */
  take() {
    this.outbox.reload(); // another tab may have deleted more
    this.hearStored();
    if (!this.isOpen) return { deletions: [], added: [] };
    const taken = { deletions: this.deletions, added: this.offer?.added ?? [] };
    this.end();
    return taken;
  }

  end() {
    const { offer } = this;
    if (!offer) return;
    this.storage.remove(this.key);
    this.follow(null);
    this.onOffer(offer.id, null);
  }

  /** @param {Offer} offer that this tab makes, or gives more time */
  set(offer) {
    this.isOurs = true;
    this.storage.write(this.key, offer);
    this.follow(offer);
    this.onOffer(offer.id, offer);
  }

  /**
   * Of the offers that two tabs make at the same moment, the later counts for both.
   * @param {Offer | null} offer as another tab has it, null if it ended it
   */
  hear(id, offer) {
    if (this.ended.has(id)) return;
    const isThis = this.offer?.id === id;
    const isOlder = offer && this.offer && offer.from < this.offer.from;
    if (!offer) this.ended.add(id);
    if (!isThis && (!offer || isOlder)) return;
    this.isOurs = false;
    this.follow(offer);
  }

  /** What another tab has said may be on its way yet. */
  hearStored() {
    /** @type {Offer | null} */
    const stored = this.storage.read(this.key);
    const isNews = stored && (stored.id !== this.offer?.id || stored.until > this.offer.until);
    if (isNews && this.clock.now() < stored.until) this.hear(stored.id, stored);
  }

  /** @param {Offer | null} offer */
  follow(offer) {
    const isOther = offer?.id !== this.offer?.id;
    if (isOther && this.offer) this.ended.add(this.offer.id);
    this.offer = offer;
    if (isOther) {
      this.held.clear();
      for (const [, { todoKey }] of this.deletions) this.held.add(this.outbox.currentKey(todoKey));
    }
    this.check();
    this.emit('change', null);
  }

  /** Ends the offer when its time is over, and looks again later if it is not. */
  check() {
    const { offer, clock } = this;
    clock.clearTimeout(this.timeout);
    if (!offer) return;
    const left = offer.until - clock.now();
    const isKept = this.isStaying && left > 0 && left < STAY;
    const isOver = left + (this.isOurs ? 0 : SLACK) <= 0;
    if (isKept) {
      this.set({ ...offer, until: clock.now() + STAY });
    } else if (isOver || left > LONGEST) { // if more is left, the clock was wrong
      this.end();
    } else {
      this.timeout = clock.setTimeout(() => {
        this.hearStored();
        this.check();
      }, Math.min(Math.max(left, 0) + SLACK / 10, BEAT));
    }
  }
}
