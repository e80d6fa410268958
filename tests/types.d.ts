// The types that the modules of static/js share. They stand here, as only tsc reads them and no browser should load them.

type JSONStorage = import('../static/js/outbox.js').JSONStorage;
type Outbox = import('../static/js/outbox.js').Outbox;
type Sender = import('../static/js/sender.js').Sender;
type Server = import('../static/js/server.js').Server;
type Sync = import('../static/js/sync.js').Sync;
type TabLock = import('../static/js/sender.js').TabLock;
type Todo = import('../static/js/todos.js').Todo;
type Todos = import('../static/js/todos.js').Todos;
type Random = () => number; // from 0 to 1
type Channel = Pick<BroadcastChannel, 'postMessage' | 'onmessage'>;
type Locks = Pick<LockManager, 'request'>;

interface Clock {
  now(): number; // milliseconds since 1970
  setTimeout(work: () => void, milliseconds: number): unknown;
  clearTimeout(timeout: any): void;
  abortAfter(milliseconds: number): AbortSignal;
}

/** A todo's id or, until the server has given it one, the Idempotency-Key of its creation. */
type TodoKey = number | string;

/** Some fields of a todo and their values. */
type Fields = Record<string, any>;

// What the outbox holds

interface Creation {
  type: 'create';
  todoKey: TodoKey;
  fields: Fields;
  after: number; // the last id known when it was made, or -1
  sent: boolean; // whether it may have reached the server; then its fields stay, as its key demands
}

interface Change {
  type: 'change';
  todoKey: TodoKey;
  fields: Fields;
}

interface Deletion {
  type: 'delete';
  todoKey: TodoKey;
}

type Debt = Creation | Change | Deletion;

/** All debts of one todo. */
interface Owed {
  recordKeys: string[];
  creation?: Creation;
  changes: Fields; // what is to change after the creation, merged
  isDeleted: boolean;
}

// Requests, and what their responses mean

type Write =
  | { method: 'POST'; key: string; fields: Fields }
  | { method: 'PATCH'; id: TodoKey; fields: Fields }
  | { method: 'DELETE'; id: TodoKey };

type Away = { outcome: 'away'; retryAfter: number }; // in milliseconds; 0 if it is not said
type Saved = { outcome: 'saved'; todo: Fields };
type Gone = { outcome: 'gone' };
type Refused = { outcome: 'refused'; reason: string };
type Read = { outcome: 'read'; todos: Fields[]; tag: string };
type Unchanged = { outcome: 'unchanged' };

// What tabs tell each other, and the views

type OwedNews = { type: 'owed'; todoKey: TodoKey; recordKey: string; debt: Debt };
type SavedNews = { type: 'saved'; todoKey: TodoKey; recordKeys: string[]; todo: Fields };
type GoneNews = { type: 'gone'; todoKey: TodoKey; recordKeys: string[]; changes: Fields };
type RefusedNews = {
  type: 'refused';
  todoKey: TodoKey;
  recordKeys: string[];
  fields: Fields;
  isCreation: boolean;
  reason: string;
};
type News = OwedNews | SavedNews | GoneNews | RefusedNews;

type SyncEvents = {
  owed: OwedNews;
  saved: SavedNews;
  gone: GoneNews;
  refused: RefusedNews;
  list: Fields[];
  status: Status;
};
type Status = { owed: number; isFailing: boolean; isUnsafe: boolean };

type Refusal = { todo: Todo | undefined; text: string; reason: string };
type TodosEvents = { add: Todo; change: Todo; remove: Todo; refused: Refusal };

// The elements that code uses, by their data-ref

interface AppParts {
  input: HTMLInputElement;
  main: HTMLElement;
  toggleAll: HTMLInputElement;
  list: HTMLElement;
  row: HTMLTemplateElement;
  footer: HTMLElement;
  remaining: HTMLElement;
  unit: HTMLElement;
  filters: HTMLElement;
  clear: HTMLElement;
  alert: HTMLElement;
  status: HTMLElement;
}

interface RowParts {
  toggle: HTMLInputElement;
  label: HTMLElement;
  rename: HTMLElement;
  destroy: HTMLElement;
  [ref: string]: HTMLElement;
}

interface NotesParts {
  alert: HTMLElement;
  status: HTMLElement;
  input: HTMLInputElement;
}

interface Models {
  todos: Todos;
  sync: Sync;
}
