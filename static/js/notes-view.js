import { short } from './elements.js';

const SLOW = 500; // milliseconds; what is saved sooner is not spoken of

const STALE = 'The server cannot be reached. The list is as this browser knows it';

/** What is wrong between the page and the server, in words. */
const TROUBLES = {
  none: '',
  blocked: '',
  signIn: 'The server wants you to sign in again',
  otherList: 'Another list is at this address now, or somebody else has signed in. '
    + 'What is not saved waits in this browser for its own list',
};

/**
 * The lines below the list: what is not saved yet, and words that were not taken by the server.
 * They stay until the user has taken or dismissed them.
 */
export class NotesView {
  line = '';

  /** @type {Map<string, HTMLElement>} by record key */
  lines = new Map();

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timeout = undefined;

  /**
   * @param {AppParts} parts
   * @param {Models} models
   * @param {ListView} list
   */
  constructor(parts, { todos, sync, waiting }, list) {
    this.parts = parts;
    this.todos = todos;
    this.sync = sync;
    this.list = list;
    sync.on('words', (words) => this.drawWords(words));
    sync.on('status', (status) => this.showStatus(status));
    parts.tryNow.addEventListener('click', () => sync.wake());
    offerCopy(parts.copyTodos, () => todos.visible.map(({ title }) => title));
    this.showWaiting(waiting);
  }

  showStatus({ owed, isFailing, isStale, isUnsafe, trouble }) {
    const changes = owed === 1 ? 'change' : 'changes';
    const state = isFailing ? 'retrying' : 'saving';
    const what = owed ? `${owed} ${changes} not saved yet — ${state}` : '';
    const stale = isStale ? STALE : '';
    const advice = isUnsafe ? 'Keep this page open: this browser stores nothing for it' : '';
    const wrong = TROUBLES[trouble.kind] || trouble.detail;
    this.line = [stale, what, wrong, advice].filter(Boolean).join('. ');
    this.isFailing = isFailing;
    this.trouble = trouble.kind;
    if (isFailing || !this.line || this.parts.status.textContent) this.drawStatus();
    else this.timeout ??= setTimeout(() => this.drawStatus(), SLOW);
  }

  drawStatus() {
    const { status, tryNow, copyTodos, reload } = this.parts;
    clearTimeout(this.timeout);
    this.timeout = undefined;
    if (status.textContent !== this.line) status.textContent = this.line;
    tryNow.hidden = !(this.line && this.isFailing);
    copyTodos.hidden = this.trouble !== 'otherList';
    reload.hidden = !['signIn', 'otherList'].includes(this.trouble);
  }

  /** @param {Waiting} waiting what is owed to another list, which may never come back */
  showWaiting({ count, titles, forget }) {
    const { waiting, waitingText, waitingTitles, waitingCopy } = this.parts;
    const { waitingAdd, waitingForget } = this.parts;
    const finish = () => {
      forget();
      waiting.hidden = true;
      this.parts.input.focus();
    };
    const changes = count === 1 ? 'change waits' : 'changes wait';
    waiting.hidden = !count;
    waitingText.textContent = `${count} ${changes} in this browser for another list that was here.`;
    waitingTitles.replaceChildren(...titles.map((title) => {
      const item = document.createElement('li');
      item.textContent = short(title);
      return item;
    }));
    waitingCopy.hidden = !titles.length;
    waitingAdd.hidden = !titles.length;
    offerCopy(waitingCopy, () => titles);
    waitingAdd.addEventListener('click', () => {
      for (const title of titles) this.todos.create(title);
      finish();
    });
    waitingForget.addEventListener('click', finish);
  }

  /** @param {Map<string, Words>} words */
  drawWords(words) {
    for (const [recordKey, line] of this.lines) {
      if (words.has(recordKey)) continue;
      line.remove();
      this.lines.delete(recordKey);
    }
    for (const [recordKey, each] of words) {
      if (this.lines.has(recordKey)) continue;
      const line = this.lineOf(recordKey, each);
      this.lines.set(recordKey, line);
      this.parts.alert.append(line);
    }
    const { size } = this.lines;
    this.parts.alertCount.textContent = size > 1 ? `${size} changes were not saved:` : '';
  }

  lineOf(recordKey, { todoKey, kind, text, reason }) {
    const line = document.createElement('p');
    const act = (label, work) => {
      const button = document.createElement('button');
      button.textContent = label;
      button.addEventListener('click', () => {
        this.sync.dropWords(recordKey);
        work(this.todos.byKey.get(todoKey));
      });
      line.append(' ', button);
    };
    const toInput = () => this.parts.input.focus();
    if (kind === 'delete') {
      line.append(`“${short(reason)}” was changed elsewhere after you had read it. Delete it?`);
      act('Delete', (todo) => todo?.delete());
      act('Keep it', toInput);
    } else if (kind === 'title') {
      line.append(`“${short(text)}” was not saved. It was changed elsewhere: “${short(reason)}”.`);
      act('Use mine', (todo) => this.useMine(todo, text));
      act('Keep theirs', toInput);
    } else {
      const what = text ? `“${short(text)}”` : 'A change';
      line.append(`${what} ${kind === 'gone' ? 'cannot come back' : 'was not saved'}. ${reason}`);
      if (text) act('Edit again', (todo) => this.editAgain(todo, text));
      act('Dismiss', toInput);
    }
    return line;
  }

  useMine(todo, text) {
    if (todo?.isVisible) todo.change({ title: text });
    else this.editAgain(todo, text);
  }

  /**
   * Where the todo is gone, its words go to the input. What stands there is kept in their place.
   */
  editAgain(todo, text) {
    const { input } = this.parts;
    if (todo?.isVisible) {
      this.list.edit(todo, text);
      return;
    }
    const draft = input.value.trim();
    if (draft) this.sync.keepWords(draft, 'It is not added yet.');
    input.value = text;
    input.dispatchEvent(new Event('input'));
    input.focus();
  }
}

function offerCopy(button, lines) {
  button.addEventListener('click', async () => {
    await copy(lines().join('\n'));
    button.textContent = 'Copied';
    button.focus();
  });
}

/** Without HTTPS there is no clipboard to write to, but what is selected can be copied. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
}
