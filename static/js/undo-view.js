import { setText, short } from './elements.js';
import { titleIn } from './titles.js';

/** The line that offers to take back what was just done. It stands while the user is at it. */
export class UndoView {
  hasFocus = false;
  hasPointer = false;
  isDrawingSoon = false;
  pointer = ''; // where it is
  pointerBefore = ''; // where it was when the line appeared

  /**
   * @param {AppParts} parts
   * @param {Models} models
   * @param {ListView} list
   */
  constructor({ undoLine, undoText, undo }, { todos, sync }, list) {
    this.text = undoText;
    this.button = undo;
    this.todos = todos;
    this.undo = sync.undo;
    this.list = list;
    this.undo.on('change', () => this.drawSoon());
    undo.addEventListener('click', () => this.takeBack());
    document.addEventListener('keydown', (event) => this.pressKey(event));
    document.addEventListener('pointermove', (event) => this.movePointer(event), true);
    document.addEventListener('pointerdown', (event) => this.movePointer(event), true);
    undoLine.addEventListener('focusin', () => this.stay({ hasFocus: true }));
    undoLine.addEventListener('focusout', () => this.stay({ hasFocus: false }));
    undoLine.addEventListener('pointermove', () => this.stay({ hasPointer: this.hasMoved }));
    undoLine.addEventListener('pointerleave', () => this.stay({ hasPointer: false }));
    this.draw();
  }

  /** What has rested there since before the line appeared, perhaps for hours, is not at it. */
  get hasMoved() {
    return this.pointer !== this.pointerBefore;
  }

  movePointer({ screenX, screenY }) {
    this.pointer = `${screenX} ${screenY}`;
  }

  /** @param {{ hasFocus?: boolean, hasPointer?: boolean }} change */
  stay(change) {
    Object.assign(this, change);
    const isStaying = !this.button.hidden && (this.hasFocus || this.hasPointer);
    if (isStaying !== this.undo.isStaying) this.undo.stay(isStaying);
  }

  pressKey(event) {
    const { key, code, ctrlKey, metaKey, shiftKey, altKey, target } = event;
    const isZ = key.toLowerCase() === 'z' || (code === 'KeyZ' && key > '~'); // not a Latin key
    if (!isZ || !(ctrlKey || metaKey) || shiftKey || altKey || this.button.hidden) return;
    if (target.matches('.new-todo, .edit') && target.value) return;
    event.preventDefault();
    this.takeBack();
  }

  takeBack() {
    const hasFocus = this.button === document.activeElement;
    const restored = this.todos.undo().find((todo) => this.list.isShown(todo));
    if (hasFocus) this.list.focusRow(restored);
    this.draw();
  }

  /** Draws once for all that changes in a moment. */
  drawSoon() {
    if (this.isDrawingSoon) return;
    this.isDrawingSoon = true;
    queueMicrotask(() => this.draw());
  }

  draw() {
    const { isOpen, offer } = this.undo;
    const text = offer && isOpen ? wordsOf(offer, this.undo.deletions) : '';
    this.isDrawingSoon = false;
    if (text && this.button.hidden) this.pointerBefore = this.pointer;
    if (!text && this.button === document.activeElement) this.list.focusFirst();
    setText(this.text, text);
    this.button.hidden = !text;
    this.stay(text ? {} : { hasFocus: false, hasPointer: false });
  }
}

function wordsOf({ word, added }, deletions) {
  const sentences = [];
  const { length } = deletions;
  if (length === 1) sentences.push(`${word} “${short(titleOf(deletions[0][1]))}”`);
  if (length > 1) sentences.push(`${word} ${length} todos`);
  if (added.length) sentences.push(`Added ${added.length} todos`);
  return sentences.join('. ');
}

function titleOf({ seen: { title } }) {
  return titleIn(String(title ?? '')) || '(no title)';
}
