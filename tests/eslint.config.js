import js from '@eslint/js';

const browser = [
  'AbortSignal', 'BroadcastChannel', 'CustomEvent', 'Element', 'Event', 'EventTarget', 'Headers', 'HTMLElement',
  'Response', 'URL', 'addEventListener', 'caches', 'clearTimeout', 'crypto', 'document', 'fetch', 'getComputedStyle', 'localStorage',
  'location', 'navigator', 'performance', 'queueMicrotask', 'sessionStorage', 'setTimeout',
];

export default [
  js.configs.recommended,
  {
    languageOptions: {
      ecmaVersion: 2024,
      sourceType: 'module',
      globals: Object.fromEntries(browser.map((name) => [name, 'readonly'])),
    },
    rules: { 'max-len': ['error', { code: 100 }] },
  },
  {
    files: ['static/sw.js'],
    languageOptions: {
      globals: Object.fromEntries(['caches', 'registration', 'skipWaiting', 'URL'].map((name) => [name, 'readonly'])),
    },
  },
  {
    files: ['examples/backbone/js/**'],
    languageOptions: {
      sourceType: 'script',
      globals: Object.fromEntries(['$', '_', 'Backbone', 'app'].map((name) => [name, 'writable'])),
    },
    rules: { 'no-redeclare': 'off', 'no-unused-vars': ['error', { args: 'none' }] },
  },
  {
    files: ['tests/js/**'],
    languageOptions: {
      globals: Object.fromEntries(
        ['AbortController', 'process', 'setImmediate', 'structuredClone'].map((name) => [name, 'readonly']),
      ),
    },
    rules: { 'max-len': ['error', { code: 120 }] },
  },
];
