const INVISIBLE = /^[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800\u{1D159}]*$/u;

/**
 * @param {string} text as typed, pasted, or stored by another client
 * @returns {string} the title in it, '' if nothing of it can be seen: white space, or characters
 *   such as U+200B and U+3164
 */
export function titleIn(text) {
  return INVISIBLE.test(text) ? '' : text.trim();
}

/**
 * @param {string} text
 * @returns {string[]} the titles in its lines
 */
export function titlesIn(text) {
  return text.split(/\r\n|[\n\r\u2028\u2029]/).map(titleIn).filter(Boolean);
}
