const js = require('@eslint/js');

const browser = [
  'AbortSignal', 'BroadcastChannel', 'CustomEvent', 'Element', 'EventTarget', 'Headers', 'HTMLElement',
  'Response', 'addEventListener', 'clearTimeout', 'crypto', 'document', 'fetch', 'localStorage',
  'location', 'navigator', 'performance', 'queueMicrotask', 'sessionStorage', 'setTimeout',
];

module.exports = [
  js.configs.recommended,
  {
    languageOptions: {
      ecmaVersion: 2024,
      sourceType: 'module',
      globals: Object.fromEntries(browser.map((name) => [name, 'readonly'])),
    },
    rules: { 'max-len': ['error', { code: 100 }] },
  },
];
