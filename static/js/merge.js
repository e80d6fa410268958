/**
 * What to do where somebody else has changed a todo meanwhile.
 *
 * Each debt remembers what the user was looking at. The user has seen a value if it stood there, or
 * if this client set it: the answer to an earlier request of its own may have been lost.
 */

/**
 * @param {Owed} owed
 * @param {Fields} current the todo as it is on the server
 * @returns {'title' | 'delete' | null} what the user has to decide about
 */
export function conflictOf(owed, current) {
  if (owed.isDeleted) return isRewritten(owed, current) ? 'delete' : null;
  return isTitleContested(owed, current) ? 'title' : null;
}

/** @returns {boolean} whether both sides changed the words, each in their own way */
function isTitleContested(owed, current) {
  if (!('title' in owed.changes) || isSame(current.title, owed.changes.title)) return false;
  return !isSeen(owed, 'title', current.title);
}

/**
 * @returns {boolean} whether a todo that the user deletes has anything that the user has not seen
 */
function isRewritten(owed, current) {
  const names = new Set([...Object.keys(owed.seen), ...Object.keys(current)]);
  names.delete('id');
  return [...names].some((name) => !isSeen(owed, name, current[name]));
}

/** @returns {boolean} whether the server has all that is owed already: only its answer was lost */
export function isCarriedOut(owed, current) {
  return Object.entries(owed.changes).every(([name, value]) => isSame(value, current[name]));
}

function isSeen({ seen }, name, value) {
  return (seen[name] ?? [undefined]).some((each) => isSame(each, value));
}

/** @returns {boolean} whether two JSON values are equal; one that is missing is null */
export function isSame(one, other) {
  return JSON.stringify(sorted(one ?? null)) === JSON.stringify(sorted(other ?? null));
}

/** JSON with its keys in order, as servers need not keep it. */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.keys(value).sort().map((key) => [key, sorted(value[key])]);
}
