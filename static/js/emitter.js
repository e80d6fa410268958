/**
 * An EventTarget whose events carry one value each. `Events` maps their names to the types of these
 * values.
 * @template {Record<string, any>} Events
 */
export class Emitter extends EventTarget {
  /**
   * @template {keyof Events & string} Name
   * @param {Name} name
   * @param {(value: Events[Name]) => void} listener
   */
  on(name, listener) {
    this.addEventListener(name, (event) => {
      listener(/** @type {CustomEvent<Events[Name]>} */ (event).detail);
    });
  }

  /**
   * @template {keyof Events & string} Name
   * @param {Name} name
   * @param {Events[Name]} value
   */
  emit(name, value) {
    this.dispatchEvent(new CustomEvent(name, { detail: value }));
  }
}
