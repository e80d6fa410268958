const SLOW = 500;

/** Two lines above the list: what is not saved yet, and what the server would not take. */
export class NoticeView {
  #status;
  #alert;
  #input;
  #list;
  #slow;
  #line = '';

  constructor({ alert, status, input }, list, todos, sync) {
    this.#status = status;
    this.#alert = alert;
    this.#input = input;
    this.#list = list;
    todos.addEventListener('refused', ({ detail }) => this.#refuse(detail));
    sync.addEventListener('status', ({ detail }) => this.#tell(detail));
  }

  /** Nothing is said of what is saved at once. */
  #tell({ owed, failing, unsafe }) {
    this.#line = owed ? describe(owed, failing, unsafe) : '';
    if (failing || !owed || this.#status.textContent) this.#draw();
    else this.#slow ??= setTimeout(() => this.#draw(), SLOW);
  }

  #draw() {
    clearTimeout(this.#slow);
    this.#slow = undefined;
    if (this.#status.textContent !== this.#line) this.#status.textContent = this.#line;
  }

  #refuse({ todo, text, reason }) {
    const line = document.createElement('p');
    line.append(text === undefined ? `A change was not saved. ${reason} ` : `“${text}” was not saved. ${reason} `);
    if ([...this.#alert.children].some((each) => each.firstChild.data === line.firstChild.data)) return;
    if (text !== undefined && !this.#offer(todo, text)) line.append(button('Edit again', () => this.#reuse(line, todo, text)));
    line.append(button('Dismiss', () => this.#dismiss(line)));
    this.#alert.append(line);
  }

  /** Puts a title that was refused back where it was typed, unless something else was typed there since. */
  #offer(todo, text) {
    if (todo || this.#input.value) return false;
    this.#input.value = text;
    return true;
  }

  #reuse(line, todo, text) {
    if (todo?.live) this.#list.edit(todo, text);
    else this.#input.value = text;
    if (!todo?.live) this.#input.focus();
    line.remove();
  }

  #dismiss(line) {
    line.remove();
    this.#input.focus();
  }
}

function describe(owed, failing, unsafe) {
  const changes = owed === 1 ? '1 change' : `${owed} changes`;
  const kept = unsafe ? '. This browser stores nothing for this page: keep it open' : '';
  return `${changes} not saved yet — ${failing ? 'retrying' : 'saving'}${kept}`;
}

function button(name, act) {
  const element = document.createElement('button');
  Object.assign(element, { type: 'button', textContent: name });
  element.addEventListener('click', act);
  return element;
}
