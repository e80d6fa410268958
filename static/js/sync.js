import { Emitter } from './emitter.js';
import { conflictOf, isCarriedOut, isSame } from './merge.js';
import { isUnidentified } from './outbox.js';
import { Sender } from './sender.js';

/** @type {{ outcome: 'settled' }} */
const SETTLED = { outcome: 'settled' };
/** @type {Away} */
const AWAY = { outcome: 'away', retryAfter: 0, trouble: 'none', detail: '' };
const ATTEMPTS = 3;
const REFRESH_DELAY = 10_000; // milliseconds after which a list that was not to be had is read
const TAKE_OVER = 3000; // milliseconds after which a tab sends what another one owes

/**
 * Between the todos and the server: takes in what is owed, sends it, and tells every tab what
 * became of it. What is sent twice does no harm: a creation has an Idempotency-Key, a PATCH sets
 * values.
 * @extends {Emitter<SyncEvents>}
 */
export class Sync extends Emitter {
  answers = 0;
  isPreparing = false;
  isStale = false; // the list is that of another day, perhaps
  isRefreshing = false;
  listTag = '""';

  /** @type {unknown} */
  timeout = undefined;

  /** @type {Trouble} what is wrong between this page and the server */
  trouble = { kind: 'none', detail: '' };

  /** @type {Map<TodoKey, Saved>} todos as the server has them, with their tags */
  known = new Map();

  /** @type {News[]} what is to be told to the other tabs */
  news = [];

  /**
   * @param {object} parts
   * @param {Outbox} parts.outbox
   * @param {Undo} parts.undo
   * @param {Server} parts.server
   * @param {TabLock} parts.lock
   * @param {Channel} parts.channel to the other tabs
   * @param {Clock} parts.clock
   * @param {() => number} parts.random from 0 to 1
   * @param {() => string} parts.randomKey
   */
  constructor({ outbox, undo, server, lock, channel, clock, random, randomKey }) {
    super();
    this.outbox = outbox;
    this.undo = undo;
    this.server = server;
    this.lock = lock;
    this.channel = channel;
    this.clock = clock;
    this.randomKey = randomKey;
    this.sender = new Sender({
      outbox,
      lock,
      clock,
      random,
      send: (todoKey) => this.send(todoKey),
      isOffered: (todoKey) => undo.holds(todoKey),
      onFailure: () => this.emitStatus(),
    });
    undo.onOffer = (id, offer) => this.tellOffer(id, offer);
  }

  /**
   * @param {number} requestedAt when the page was; an answer to another tab since then may neither
   *   be in the page, which was written before it, nor in the outbox, which it was taken from
   */
  start(requestedAt) {
    this.channel.onmessage = ({ data }) => {
      for (const news of data) this.receive(news);
    };
    this.emitStatus();
    this.emit('words', this.outbox.words);
    if (this.outbox.lastAnswer >= requestedAt) this.wake();
    else this.sender.run();
  }

  /** The page is the service worker's copy. */
  startOffline() {
    this.isStale = true;
    this.start(0);
  }

  /** @param {number} after the last id known, or -1 */
  create(fields, after) {
    const todoKey = this.randomKey();
    this.owe({ type: 'create', todoKey, fields, after, sent: false });
    return todoKey;
  }

  /**
   * Deletes todos as soon as the user can no longer take it back.
   * @param {string} word for it
   * @param {{ todoKey: TodoKey, seen: Fields }[]} todos
   */
  delete(word, todos) {
    const offer = this.undo.extend(word);
    for (const todo of todos) this.owe({ type: 'delete', ...todo, offer });
    this.prepareHeld();
  }

  owe(debt) {
    const recordKey = this.outbox.add(debt);
    /** @type {News} */
    const news = { type: 'owed', todoKey: debt.todoKey, recordKey, debt };
    if (!this.outbox.unsafe.has(recordKey)) this.broadcast(news);
    this.undo.hold(debt);
    this.emit('owed', news);
    this.emitStatus();
    this.sender.run();
  }

  /** @returns {{ deletions: Deletion[], added: TodoKey[] }} what was taken back */
  takeBack() {
    const { deletions, added } = this.undo.take();
    /** @type {News} */
    const news = {
      type: 'undone',
      recordKeys: deletions.map(([recordKey]) => recordKey),
      todoKeys: deletions.map(([, { todoKey }]) => todoKey),
    };
    this.broadcast(news);
    this.receive(news);
    return { deletions: deletions.map(([, deletion]) => deletion), added };
  }

  /** @param {Offer | null} offer null if it has ended: then what it held back is sent */
  tellOffer(id, offer) {
    this.broadcast({ type: 'offer', id, offer });
    if (offer) return;
    this.emitStatus();
    this.sender.run();
  }

  /** The user has left this page for another: nobody is there to take anything back. */
  hide() {
    if (this.undo.isOurs) this.undo.end();
  }

  /** @returns {Promise<Away | { outcome: 'settled' }>} */
  async send(todoKey) {
    if (this.trouble.kind === 'otherList') {
      const answer = this.note(await this.server.readList(this.listTag)); // harms no list
      if (answer.outcome === 'away') return answer;
    }
    const owed = this.outbox.owed(todoKey);
    if (!owed) return SETTLED;
    const isNeverSent = owed.creation && !owed.creation.sent && owed.isDeleted;
    if (isNeverSent) return this.settleGone(todoKey);
    if (owed.creation) return this.sendCreation(todoKey);
    return this.sendChange(todoKey);
  }

  async sendCreation(todoKey) {
    const { write, recordKeys } = this.creationOf(todoKey);
    const answer = this.note(await this.server.send(write));
    if (answer.outcome === 'away') return answer;
    if (answer.outcome === 'saved') return this.settleSaved(todoKey, recordKeys, answer);
    const owed = this.outbox.owed(todoKey);
    const { title } = { ...owed?.creation?.fields, ...owed?.changes };
    if (answer.outcome === 'gone') return this.settleGone(todoKey);
    const reason = answer.outcome === 'refused' ? answer.reason : '';
    const words = { kind: 'lost', text: title, reason };
    return this.settleRefused(todoKey, owed?.recordKeys ?? [], words);
  }

  /** Sends what is owed to a todo of the server's, if that is still as the user has seen it. */
  async sendChange(todoKey) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const isOld = Boolean(this.known.get(todoKey)?.tag);
      const current = await this.look(todoKey);
      if (current.outcome === 'away') return current;
      if (current.outcome === 'gone') return this.settleGone(todoKey);
      if (current.outcome !== 'saved') return AWAY;
      const owed = this.outbox.owed(todoKey);
      if (!owed || this.undo.holds(todoKey)) return SETTLED;
      const conflict = conflictOf(owed, current.todo);
      const isDone = !owed.isDeleted && isCarriedOut(owed, current.todo);
      if (isOld && (conflict || isDone)) {
        this.known.delete(todoKey); // another tab may have changed it, and lost the answer
        continue;
      }
      const { recordKeys } = owed;
      if (conflict) return this.settleConflict(todoKey, owed, current, conflict);
      if (isDone) return this.settleSaved(todoKey, recordKeys, current);
      const answer = this.note(await this.server.send(this.writeOf(todoKey, owed, current.tag)));
      if (answer.outcome === 'away') {
        this.known.delete(todoKey); // it may have been carried out
        return answer;
      }
      if (answer.outcome === 'gone') return this.settleGone(todoKey);
      if (answer.outcome === 'refused') {
        const words = { kind: 'change', text: owed.changes.title, reason: answer.reason };
        return this.settleRefused(todoKey, recordKeys, words);
      }
      if (answer.outcome === 'saved') return this.settleSaved(todoKey, recordKeys, answer);
      this.known.delete(todoKey); // somebody else changed it
    }
    return AWAY;
  }

  /**
   * @returns {Promise<Saved | Gone | Changed | Refused | Away>} the todo as it is on the server,
   * with its tag
   */
  async look(todoKey) {
    const known = this.known.get(todoKey);
    if (known?.tag) return known;
    const answer = this.note(await this.server.readTodo(todoKey));
    if (answer.outcome === 'saved') this.known.set(todoKey, answer);
    return answer;
  }

  /**
   * Gets the tag of a todo that is about to change, so that the change can be sent as the page
   * goes.
   */
  async prepare(todoKey) {
    if (!isUnidentified(todoKey)) await this.look(todoKey);
  }

  /** The same for what is held back, one after the other. */
  async prepareHeld() {
    if (this.isPreparing) return;
    this.isPreparing = true;
    try {
      for (const todoKey of this.undo.held) {
        const answer = isUnidentified(todoKey) ? null : await this.look(todoKey);
        if (answer?.outcome === 'away') return;
      }
    } finally {
      this.isPreparing = false;
    }
  }

  titleRecords({ recordKeys }) {
    const { records } = this.outbox;
    return recordKeys.filter((key) => 'title' in fieldsOf(records.get(key)));
  }

  /** @returns {Write} */
  writeOf(id, owed, tag) {
    if (owed.isDeleted) return { method: 'DELETE', id, tag };
    return { method: 'PATCH', id, tag, fields: owed.changes };
  }

  /**
   * A creation takes in what changes before it is sent. Then its fields stay, as its key demands.
   * @returns {{ write: Write, recordKeys: string[] }}
   */
  creationOf(todoKey) {
    const owed = /** @type {Owed} */ (this.outbox.owed(todoKey));
    const creation = /** @type {Creation} */ (owed.creation);
    const fields = creation.sent ? creation.fields : { ...creation.fields, ...owed.changes };
    const recordKeys = creation.sent ? owed.recordKeys.slice(0, 1) : owed.recordKeys;
    const [recordKey, ...rest] = recordKeys;
    this.outbox.put(recordKey, { ...creation, fields, sent: true });
    this.outbox.forget(rest);
    return { write: { method: 'POST', key: String(creation.todoKey), fields }, recordKeys };
  }

  /** Remembers what is wrong between this page and the server, for the line that says so. */
  note(answer) {
    const isAway = answer.outcome === 'away';
    const { kind } = this.trouble;
    this.trouble = { kind: isAway ? answer.trouble : 'none', detail: isAway ? answer.detail : '' };
    if (kind !== this.trouble.kind) this.emitStatus();
    return answer;
  }

  settleSaved(todoKey, recordKeys, { todo, tag }) {
    return this.settle({ type: 'saved', todoKey, recordKeys, todo, tag });
  }

  settleGone(todoKey) {
    if (this.undo.holds(todoKey)) return SETTLED; // the user is told if it is taken back
    const owed = this.outbox.owed(todoKey);
    const recordKeys = owed?.recordKeys ?? [];
    const { title } = owed?.changes ?? {};
    const reason = 'It was deleted elsewhere.';
    const kept = title // also what was typed in another tab while this one deleted it
      ? this.wordsInPlaceOf(recordKeys, { todoKey, kind: 'lost', text: title, reason })
      : null;
    return this.settle({ type: 'gone', todoKey, recordKeys, kept });
  }

  settleRefused(todoKey, recordKeys, { kind, text, reason }) {
    const kept = this.wordsInPlaceOf(recordKeys, { todoKey, kind, text: text ?? '', reason });
    return this.settle({ type: 'refused', todoKey, recordKeys, kept });
  }

  /** The server's title stays, or its todo; the user decides about the rest. */
  settleConflict(todoKey, owed, { todo, tag }, kind) {
    const isTitle = kind === 'title';
    const recordKeys = isTitle ? this.titleRecords(owed) : owed.recordKeys;
    const text = isTitle ? owed.changes.title : '';
    const words = { todoKey, kind, text, reason: String(todo.title ?? '') };
    const kept = this.wordsInPlaceOf(recordKeys, words);
    return this.settle({ type: 'conflict', todoKey, recordKeys, kept, todo, tag });
  }

  wordsInPlaceOf(recordKeys, words) {
    const recordKey = recordKeys.at(-1);
    return recordKey ? { recordKey, words: { type: 'words', ...words } } : null;
  }

  /**
   * Keeps words that the user has not finished with.
   * @param {string} text
   * @param {string} reason
   * @param {TodoKey} [todoKey]
   * @param {Words['kind']} [kind]
   */
  keepWords(text, reason, todoKey = this.randomKey(), kind = 'lost') {
    /** @type {Words} */
    const words = { type: 'words', todoKey, kind, text, reason };
    this.outbox.add(words);
    this.emit('words', this.outbox.words);
  }

  /** The user has taken the words, or dismissed them. */
  dropWords(recordKey) {
    this.settle({ type: 'dropped', recordKeys: [recordKey] });
  }

  settle(news) {
    this.outbox.noteAnswer();
    this.broadcast(news);
    this.receive(news);
    return SETTLED;
  }

  /** One message for all of a moment. */
  broadcast(news) {
    if (this.news.push(news) > 1) return;
    queueMicrotask(() => this.channel.postMessage(this.news.splice(0)));
  }

  /** @param {News} news from this tab or another */
  receive(news) {
    if (news.type === 'owed') {
      if (this.outbox.forgotten.has(news.recordKey)) return; // it was taken back before
      this.outbox.remember(news.recordKey, news.debt);
      this.undo.hold(news.debt);
      this.clock.setTimeout(() => this.sender.run(), TAKE_OVER);
      this.emit('owed', news);
    } else if (news.type === 'offer') {
      this.undo.hear(news.id, news.offer);
      if (!news.offer) this.clock.setTimeout(() => this.sender.run(), TAKE_OVER);
    } else if (news.type === 'undone') {
      this.outbox.forget(news.recordKeys);
      for (const todoKey of news.todoKeys) this.emit('owed', { todoKey });
    } else {
      this.receiveAnswer(news);
    }
    this.emitStatus();
  }

  receiveAnswer(news) {
    const { type, todoKey, recordKeys, kept, todo, tag } = news;
    const isNews = recordKeys.some((key) => this.outbox.records.has(key));
    this.answers += 1;
    this.listTag = '""';
    this.outbox.forget(recordKeys.filter((key) => key !== kept?.recordKey));
    if (kept) this.outbox.keepWords(kept);
    if (todo) {
      if (todo.id !== todoKey) {
        this.outbox.identify(todoKey, todo.id);
        this.undo.identify(todoKey, todo.id);
      }
      this.known.set(todo.id, { outcome: 'saved', todo, tag });
      this.emit('saved', { todoKey, todo });
      if (!isNews) this.refresh(); // another tab sent it, too, and its answer may be the newer one
    }
    if (type === 'gone') {
      this.known.delete(todoKey);
      this.emit('gone', { todoKey });
    }
    if (type === 'refused') this.emit('refused', { todoKey, isLost: kept?.words.kind === 'lost' });
    this.emit('words', this.outbox.words);
  }

  /** The user is back, or the network. */
  wake() {
    this.outbox.reload();
    this.sender.runNow();
    this.refresh();
  }

  async refresh() {
    if (this.isRefreshing) return;
    this.isRefreshing = true;
    this.clock.clearTimeout(this.timeout);
    try {
      await this.readList();
    } finally {
      this.isRefreshing = false;
    }
  }

  /** Reads the list; again, if an answer came in between: the list may be older. */
  async readList() {
    const { answers } = this;
    const answer = this.note(await this.server.readList(this.listTag));
    if (answers !== this.answers) {
      await this.readList();
    } else if (answer.outcome === 'away') {
      const delay = Math.max(REFRESH_DELAY, answer.retryAfter);
      this.timeout = this.clock.setTimeout(() => this.refresh(), delay);
    } else if (answer.outcome === 'read') {
      this.listTag = answer.tag;
      this.forgetOldTags(answer.todos);
      this.emit('list', answer.todos);
      this.becomeCurrent();
    } else {
      this.becomeCurrent();
    }
  }

  becomeCurrent() {
    this.isStale = false;
    this.emitStatus();
    this.emit('current', null);
  }

  /** A tag is that of what the user was looking at no more when the todo has changed. */
  forgetOldTags(todos) {
    const { known } = this;
    this.known = new Map();
    for (const todo of todos) {
      const each = known.get(todo.id);
      if (each && isSame(each.todo, todo)) this.known.set(todo.id, each);
    }
  }

  /**
   * Sends what can be sent as the page goes, on the same conditions. The rest is sent at the next
   * opening.
   */
  leave() {
    this.hide();
    if (this.lock.isWaiting || this.trouble.kind === 'otherList') return;
    this.outbox.reload();
    for (const todoKey of this.outbox.ready((key) => this.undo.holds(key))) {
      const owed = this.outbox.owed(todoKey);
      if (!owed) continue;
      if (owed.creation) {
        const isNeverSent = owed.isDeleted && !owed.creation.sent;
        if (!isNeverSent) this.server.sendOnLeaving(this.creationOf(todoKey).write);
        continue;
      }
      const known = this.known.get(todoKey);
      if (!known?.tag) continue;
      if (conflictOf(owed, known.todo)) continue;
      this.server.sendOnLeaving(this.writeOf(todoKey, owed, known.tag));
    }
  }

  emitStatus() {
    this.emit('status', {
      owed: this.outbox.todoKeys().filter((key) => !this.undo.holds(key)).length,
      isFailing: this.sender.isFailing || this.isStale,
      isStale: this.isStale,
      isUnsafe: this.outbox.unsafe.size > 0,
      trouble: this.trouble,
    });
  }
}

/** @param {Debt | undefined} debt */
function fieldsOf(debt) {
  return debt?.type === 'change' ? debt.fields : {};
}
