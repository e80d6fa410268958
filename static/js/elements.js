const LONGEST_QUOTE = 200; // characters of a title in a line

/** @returns {any} the elements in it that code uses, by their data-ref */
export function partsOf(root) {
  /** @type {NodeListOf<HTMLElement>} */
  const elements = root.querySelectorAll('[data-ref]');
  return Object.fromEntries([...elements].map((element) => [element.dataset.ref, element]));
}

/** Some screen readers read a live region again when its text is replaced by the same. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

export function short(text) {
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
}

/** @returns {boolean} whether the key is an input method's own (Safari says so by 229) */
export function isComposing({ isComposing, keyCode }) {
  return isComposing || keyCode === 229;
}
