// The types that the modules of static/js share. They stand here, as only tsc reads them and no browser should load them.

type JSONStorage = import('../static/js/outbox.js').JSONStorage;
type Outbox = import('../static/js/outbox.js').Outbox;
type Sender = import('../static/js/sender.js').Sender;
type Server = import('../static/js/server.js').Server;
type Sync = import('../static/js/sync.js').Sync;
type ListView = import('../static/js/list-view.js').ListView;
type Presses = import('../static/js/presses.js').Presses;
type Undo = import('../static/js/undo.js').Undo;
type Drafts = import('../static/js/drafts.js').Drafts;
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
  seen: Fields; // the same fields as the user was looking at them
}

interface Deletion {
  type: 'delete';
  todoKey: TodoKey;
  seen: Fields; // the todo as the user was looking at it
  offer?: string; // the offer to take it back, which holds it back
}

/** The offer to take back what was just done. */
interface Offer {
  id: string;
  from: number; // when it was made, in milliseconds since 1970
  until: number; // when it ends
  word: string; // for what was done first, such as Deleted
  added: TodoKey[];
}

/** Words that wait for the user. */
interface Words {
  type: 'words';
  todoKey: TodoKey;
  kind: 'lost' | 'change' | 'title' | 'delete' | 'gone'; // lost, gone: the todo is not on the server
  text: string;
  reason: string; // for a conflict, the title on the server
}

type Debt = Creation | Change | Deletion;

/** All debts of one todo. */
interface Owed {
  recordKeys: string[];
  creation?: Creation;
  changes: Fields; // what is to change after the creation, merged
  seen: Record<string, any[]>; // the values of each field that the user has seen or set
  isDeleted: boolean;
}

/** What is typed in a tab and not entered yet. */
interface Draft {
  input: string;
  editor: { todoKey: TodoKey; text: string; seen: Fields } | null;
  time: number; // when its tab was last known to be there
}

// Requests, and what their responses mean

type Write =
  | { method: 'POST'; key: string; fields: Fields }
  | { method: 'PATCH'; id: TodoKey; fields: Fields; tag: string }
  | { method: 'DELETE'; id: TodoKey; tag: string };

/** What is wrong, if no answer counts. */
type Trouble = { kind: 'none' | 'signIn' | 'otherList' | 'blocked'; detail: string };

type Away = { outcome: 'away'; retryAfter: number; trouble: Trouble['kind']; detail: string };
type Saved = { outcome: 'saved'; todo: Fields; tag: string }; // the tag is '' if it is weak
type Gone = { outcome: 'gone' };
type Changed = { outcome: 'changed' };
type Refused = { outcome: 'refused'; reason: string };
type Read = { outcome: 'read'; todos: Fields[]; tag: string };
type Unchanged = { outcome: 'unchanged' };

// What tabs tell each other, and the views

type Kept = { recordKey: string; words: Words };
type News =
  | { type: 'owed'; todoKey: TodoKey; recordKey: string; debt: Debt }
  | { type: 'offer'; id: string; offer: Offer | null }
  | { type: 'undone'; recordKeys: string[]; todoKeys: TodoKey[] }
  | { type: 'saved'; todoKey: TodoKey; recordKeys: string[]; todo: Fields; tag: string }
  | { type: 'conflict'; todoKey: TodoKey; recordKeys: string[]; todo: Fields; tag: string; kept: Kept }
  | { type: 'gone' | 'refused'; todoKey: TodoKey; recordKeys: string[]; kept: Kept | null }
  | { type: 'dropped'; recordKeys: string[] };

type SyncEvents = {
  owed: { todoKey: TodoKey };
  saved: { todoKey: TodoKey; todo: Fields };
  gone: { todoKey: TodoKey };
  refused: { todoKey: TodoKey; isLost: boolean };
  words: Map<string, Words>;
  list: Fields[];
  current: null; // the list was read, or is as it was
  status: { owed: number; isFailing: boolean; isStale: boolean; isUnsafe: boolean; trouble: Trouble };
};
type TodosEvents = { add: Todo; change: Todo; remove: Todo; move: Todo };

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
  alertCount: HTMLElement;
  status: HTMLElement;
  tryNow: HTMLElement;
  undoLine: HTMLElement;
  undoText: HTMLElement;
  undo: HTMLElement;
  waiting: HTMLElement;
  waitingText: HTMLElement;
  waitingTitles: HTMLElement;
  waitingCopy: HTMLElement;
  waitingAdd: HTMLElement;
  waitingForget: HTMLElement;
  copyTodos: HTMLElement;
  reload: HTMLElement;
}

interface RowParts {
  toggle: HTMLInputElement;
  label: HTMLElement;
  rename: HTMLElement;
  destroy: HTMLElement;
  [ref: string]: HTMLElement;
}

interface Waiting {
  count: number; // of changes for other lists
  titles: string[];
  forget(): void;
}

interface Models {
  todos: Todos;
  sync: Sync;
  drafts: Drafts;
  waiting: Waiting;
}
