import { Emitter } from './emitter.js';
import { Sender } from './sender.js';

const TAKE_OVER = 3000; // milliseconds after which a tab sends what another one owes

/**
 * Between the todos and the server: takes in what is owed, sends it, and tells every tab what
 * became of it. What is sent twice does no harm: a creation has an Idempotency-Key, a PATCH sets
 * values.
 * @extends {Emitter<SyncEvents>}
 */
export class Sync extends Emitter {
  answers = 0;
  isRefreshing = false;
  listTag = '""';

  /** @type {News[]} what is to be told to the other tabs */
  news = [];

  /**
   * @param {object} parts
   * @param {Outbox} parts.outbox
   * @param {Server} parts.server
   * @param {TabLock} parts.lock
   * @param {Channel} parts.channel to the other tabs
   * @param {Clock} parts.clock
   * @param {() => number} parts.random from 0 to 1
   * @param {() => string} parts.randomKey
   */
  constructor({ outbox, server, lock, channel, clock, random, randomKey }) {
    super();
    this.outbox = outbox;
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
      onFailure: () => this.emitStatus(),
    });
  }

  start() {
    this.channel.onmessage = ({ data }) => {
      for (const news of data) this.receive(news);
    };
    this.emitStatus();
    this.sender.run();
  }

  /** @param {number} after the last id known, or -1 */
  create(fields, after) {
    this.owe({ type: 'create', todoKey: this.randomKey(), fields, after, sent: false });
  }

  owe(debt) {
    const recordKey = this.outbox.add(debt);
    /** @type {OwedNews} */
    const news = { type: 'owed', todoKey: debt.todoKey, recordKey, debt };
    if (!this.outbox.unsafe.has(recordKey)) this.broadcast(news);
    this.emit('owed', news);
    this.emitStatus();
    this.sender.run();
  }

  /** @returns {Promise<Away | { outcome: 'settled' }>} */
  async send(todoKey) {
    const { write, recordKeys } = this.writeOf(todoKey);
    /** @type {Gone} */
    const neverSent = { outcome: 'gone' };
    const answer = write ? await this.server.send(write) : neverSent;
    if (answer.outcome === 'away') return answer;
    this.settle(this.newsOf(answer, todoKey, recordKeys, write));
    return { outcome: 'settled' };
  }

  newsOf(answer, todoKey, recordKeys, write) {
    if (answer.outcome === 'saved') {
      return { type: 'saved', todoKey, recordKeys, todo: answer.todo };
    }
    const owed = this.outbox.owed(todoKey);
    const allKeys = owed?.recordKeys ?? [];
    if (answer.outcome === 'gone') {
      return { type: 'gone', todoKey, recordKeys: allKeys, changes: owed?.changes ?? {} };
    }
    const { reason } = answer;
    if (write?.method === 'POST') {
      const fields = { ...owed?.creation?.fields, ...owed?.changes };
      return { type: 'refused', todoKey, recordKeys: allKeys, fields, isCreation: true, reason };
    }
    const fields = write?.method === 'PATCH' ? write.fields : {};
    return { type: 'refused', todoKey, recordKeys, fields, isCreation: false, reason };
  }

  /**
   * The next request for a todo; none for one that was deleted before it was sent.
   * @returns {{ write: Write | null, recordKeys: string[] }}
   */
  writeOf(todoKey) {
    const owed = this.outbox.owed(todoKey);
    const isNeverSent = owed?.creation && !owed.creation.sent && owed.isDeleted;
    if (!owed || isNeverSent) return { write: null, recordKeys: [] };
    if (owed.creation) return this.creationOf(owed, owed.creation);
    if (!owed.isDeleted) {
      const { recordKeys, changes } = owed;
      return { write: { method: 'PATCH', id: todoKey, fields: changes }, recordKeys };
    }
    const { records } = this.outbox;
    const recordKeys = owed.recordKeys.filter((key) => records.get(key)?.type === 'delete');
    return { write: { method: 'DELETE', id: todoKey }, recordKeys };
  }

  /**
   * A creation takes in what changes before it is sent. Then its fields stay, as its key demands.
   * @returns {{ write: Write, recordKeys: string[] }}
   */
  creationOf(owed, creation) {
    const fields = creation.sent ? creation.fields : { ...creation.fields, ...owed.changes };
    const recordKeys = creation.sent ? owed.recordKeys.slice(0, 1) : owed.recordKeys;
    const [recordKey, ...rest] = recordKeys;
    this.outbox.put(recordKey, { ...creation, fields, sent: true });
    this.outbox.forget(rest);
    return { write: { method: 'POST', key: String(creation.todoKey), fields }, recordKeys };
  }

  settle(news) {
    this.broadcast(news);
    this.receive(news);
  }

  /** One message for all of a moment. */
  broadcast(news) {
    if (this.news.push(news) > 1) return;
    queueMicrotask(() => this.channel.postMessage(this.news.splice(0)));
  }

  /** @param {News} news from this tab or another */
  receive(news) {
    if (news.type === 'owed') {
      this.outbox.remember(news.recordKey, news.debt);
      this.clock.setTimeout(() => this.sender.run(), TAKE_OVER);
      this.emit('owed', news);
    } else {
      this.receiveAnswer(news);
    }
    this.emitStatus();
  }

  receiveAnswer(news) {
    this.answers += 1;
    this.listTag = '""';
    this.outbox.forget(news.recordKeys);
    if (news.type === 'saved') {
      if (news.todo.id !== news.todoKey) this.outbox.identify(news.todoKey, news.todo.id);
      this.emit('saved', news);
    }
    if (news.type === 'gone') this.emit('gone', news);
    if (news.type === 'refused') this.emit('refused', news);
  }

  /** The user is back, or the network. */
  async wake() {
    this.outbox.reload();
    this.sender.runNow();
    if (this.isRefreshing) return;
    this.isRefreshing = true;
    try {
      await this.refresh();
    } finally {
      this.isRefreshing = false;
    }
  }

  /** Reads the list; again, if an answer came in between: the list may be older. */
  async refresh() {
    const { answers } = this;
    const answer = await this.server.read(this.listTag);
    if (answers !== this.answers) {
      await this.refresh();
    } else if (answer.outcome === 'read') {
      this.listTag = answer.tag;
      this.emit('list', answer.todos);
    }
  }

  /** Sends what can be sent as the page goes. */
  leave() {
    if (this.lock.isWaiting) return;
    this.outbox.reload();
    for (const todoKey of this.outbox.ready()) {
      const { write } = this.writeOf(todoKey);
      if (write) this.server.sendOnLeaving(write);
    }
  }

  emitStatus() {
    this.emit('status', {
      owed: this.outbox.todoKeys().length,
      isFailing: this.sender.isFailing,
      isUnsafe: this.outbox.unsafe.size > 0,
    });
  }
}
