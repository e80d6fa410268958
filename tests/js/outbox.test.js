import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JSONStorage, Outbox } from '../../static/js/outbox.js';

/** localStorage as an object: its keys are its own, as those of the real one. */
function fakeStorage() {
  return Object.create({
    getItem(key) { return this[key] ?? null; },
    setItem(key, value) { this[key] = String(value); },
    removeItem(key) { delete this[key]; },
  });
}

function open(local = fakeStorage()) {
  let keys = 0;
  const clock = { now: () => 1000 };
  const storage = new JSONStorage(() => local);
  return new Outbox('todomvc /todos/', { storage, clock, randomKey: () => `key ${keys++}` });
}

test('what is owed outlives the page', () => {
  const local = fakeStorage();
  open(local).add({ type: 'change', todoKey: 3, fields: { title: 'three' } });
  assert.deepEqual(open(local).owed(3)?.changes, { title: 'three' });
});

test('changes of one todo are merged in their order', () => {
  const outbox = open();
  outbox.add({ type: 'change', todoKey: 0, fields: { title: 'a', completed: true } });
  outbox.add({ type: 'change', todoKey: 0, fields: { title: 'b' } });
  assert.deepEqual(outbox.owed(0)?.changes, { title: 'b', completed: true });
});

test('creations are ready one after the other', () => {
  const outbox = open();
  for (const todoKey of ['x', 'y', 0]) {
    outbox.add({ type: typeof todoKey === 'string' ? 'create' : 'change', todoKey, fields: {} });
  }
  assert.deepEqual(outbox.ready(), ['x', 0]);
});

test('what a creation is owed goes to the id that it gets', () => {
  const outbox = open();
  outbox.add({ type: 'change', todoKey: 'x', fields: { completed: true } });
  outbox.identify('x', 7);
  assert.deepEqual(outbox.todoKeys(), [7]);
  assert.deepEqual(outbox.owed('x')?.changes, { completed: true });
});

test('without a place to store, nothing is lost while the page is open', () => {
  const outbox = new Outbox('todomvc', {
    storage: new JSONStorage(() => { throw new Error('blocked'); }),
    clock: { now: () => 0 },
    randomKey: () => 'key',
  });
  outbox.add({ type: 'delete', todoKey: 0 });
  outbox.reload();
  assert.equal(outbox.owed(0)?.isDeleted, true);
  assert.equal(outbox.unsafe.size, 1);
});
