/**
 * JSON values in localStorage, which may be forbidden, full, or written by others. Nothing here throws.
 */
export class JSONStorage {
  /** @param {() => Storage} open gives localStorage; even to name it throws where site data is blocked */
  constructor(open) {
    this.open = open;
  }

  /**
   * @param {string} key
   * @returns {any} null where there is nothing that can be read
   */
  read(key) {
    try {
      return JSON.parse(this.open().getItem(key) ?? 'null');
    } catch {
      return null;
    }
  }

  /**
   * @param {string} key
   * @param {unknown} value
   * @returns {boolean} whether it was stored
   */
  write(key, value) {
    try {
      this.open().setItem(key, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  }

  /** @param {string} key */
  remove(key) {
    try {
      this.open().removeItem(key);
    } catch {
      // What cannot be reached holds nothing.
    }
  }

  /**
   * @param {string} prefix
   * @returns {string[]} the keys that start with it, sorted
   */
  keys(prefix) {
    try {
      return Object.keys(this.open()).filter((key) => key.startsWith(prefix)).sort();
    } catch {
      return [];
    }
  }
}
