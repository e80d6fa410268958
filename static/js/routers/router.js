const FILTERS = ['all', 'active', 'completed'];

/** The filter that the address names. Says `filter`. */
export class Router extends EventTarget {
  filter = 'all';

  start() {
    addEventListener('hashchange', () => this.read());
    this.read();
  }

  read() {
    const name = location.hash.replace(/^#!?\//, '');
    this.filter = FILTERS.includes(name) ? name : 'all';
    this.dispatchEvent(new Event('filter'));
  }
}
