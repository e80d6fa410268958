/**
 * One press is one act, on what was seen. What acts may move away, and its neighbour takes its
 * place under the pointer or gets the focus. Then the repeats of a key that is held down, and the
 * second click of a double click, would act on what nobody has pressed. And a finger may tap where
 * a button is that only a mouse makes visible.
 */
export class Presses {
  isDown = false;

  /** @type {Element | null} where the first click of a row of clicks was */
  place = null;

  /** @type {EventTarget | null} what the pointer came down on without its being visible */
  unseen = null;

  /** @type {(() => void)[]} */
  waiting = [];

  /** @param {Document | HTMLElement} root whose events are watched before anything gets them */
  constructor(root) {
    const watch = (type, listener) => root.addEventListener(type, listener, true);
    watch('keydown', (event) => {
      if (event.key === 'Enter' && event.repeat) stop(event);
    });
    watch('pointerdown', ({ target }) => {
      this.unseen = getComputedStyle(target).opacity === '0' ? target : null;
    });
    watch('mousedown', (event) => this.press(event));
    watch('click', (event) => this.check(event));
    watch('dblclick', (event) => this.check(event));
    watch('mouseup', () => this.release());
    watch('dragend', () => this.release());
    addEventListener('pagehide', () => this.finish());
  }

  /** Does what might move the page, but not between the two halves of a click. */
  afterPress(work) {
    this.waiting.push(work);
    if (!this.isDown) this.finish();
  }

  press(event) {
    this.isDown = event.button === 0;
    this.check(event);
  }

  release() {
    this.isDown = false;
    setTimeout(() => this.finish()); // the click comes first
  }

  finish() {
    for (const work of this.waiting.splice(0)) work();
  }

  /** @param {any} event a click to be stopped if it was not meant for its target */
  check(event) {
    const { target, detail } = event; // detail: which click of a quick series, 0 for a key
    const place = target.closest('li, a, button, input, textarea') ?? target;
    const isOfAnother = detail > 1 && place !== this.place;
    if (isOfAnother || (detail && target === this.unseen)) stop(event);
    if (detail < 2) this.place = place;
  }
}

function stop(event) {
  event.preventDefault();
  event.stopPropagation();
}
