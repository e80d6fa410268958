/** Gives localStorage, or undefined where the browser allows none. */
export function openStorage() {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

/** Stores a text and says whether there was room for it. */
export function store(storage, key, text) {
  try {
    storage.setItem(key, text);
    return true;
  } catch {
    return false;
  }
}

/** Reads a value in JSON; undefined if it cannot be read. */
export function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key));
  } catch {
    return undefined;
  }
}
