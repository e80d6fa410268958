/** How long a delete is held back, and which tab sends it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from './world.js';

async function opened(tabs = 1) {
  const world = new World();
  for (let id = 0; id < 100; id += 1) world.list.put({ title: `todo ${id}`, completed: false, id });
  world.isAutomatic = true;
  for (let number = 0; number < tabs; number += 1) world.open();
  await world.pass(100);
  return world;
}

function remove(tab, number) {
  tab.todos.visible[number].delete();
}

function left({ list }) {
  return list.todos.filter(Boolean).length;
}

test('a delete is held back for ten seconds after the last one, and no longer than twelve', async () => {
  const world = await opened();
  const [tab] = world.tabs;
  remove(tab, 0);
  await world.pass(6000);
  remove(tab, 0);
  await world.pass(9900);
  assert.equal(left(world), 100);
  await world.pass(2000);
  assert.equal(left(world), 98);
});

test('deletes in a row are held back for a minute at most', async () => {
  const world = await opened();
  const [tab] = world.tabs;
  for (let number = 0; number < 8; number += 1) {
    remove(tab, 0);
    await world.pass(9000);
  }
  assert.ok(left(world) < 100);
  assert.ok(left(world) > 92, 'those of the second offer are still held back');
});

test('a delete is held back as long as the user stays at the offer', async () => {
  const world = await opened(2);
  const [here, there] = world.tabs;
  remove(here, 0);
  await world.pass(100);
  there.undo.stay(true); // at the line of another tab
  await world.pass(3_600_000);
  assert.equal(left(world), 100);
  there.undo.stay(false);
  await world.pass(5000);
  assert.equal(left(world), 99);
});

test('another tab sends what a killed tab held back, but not sooner', async () => {
  const world = await opened(2);
  const [here] = world.tabs;
  remove(here, 0);
  await world.pass(100);
  world.kill(here);
  await world.pass(9800);
  assert.equal(left(world), 100);
  await world.pass(5000);
  assert.equal(left(world), 99);
});

test('a page that opens while a delete is held back offers to take it back, too', async () => {
  const world = await opened();
  const [here] = world.tabs;
  remove(here, 0);
  await world.pass(100);
  world.kill(here);
  const there = world.open();
  await world.pass(100);
  assert.equal(there.todos.visible.length, 99);
  assert.equal(there.todos.undo().length, 1);
  await world.pass(20_000);
  assert.equal(there.todos.visible.length, 100);
  assert.equal(left(world), 100);
});

test('a clock that is put back holds nothing back for longer', async () => {
  const world = await opened();
  remove(world.tabs[0], 0);
  await world.pass(100);
  world.kill(world.tabs[0]);
  world.time -= 600_000;
  world.open();
  await world.pass(5000);
  assert.equal(left(world), 99);
});

test('a tab that is hidden sends what it held back, and not what another holds', async () => {
  const world = await opened(2);
  const [here, there] = world.tabs;
  remove(here, 0);
  await world.pass(100);
  there.sync.hide();
  await world.pass(1000);
  assert.equal(left(world), 100);
  here.sync.hide();
  await world.pass(1000);
  assert.equal(left(world), 99);
});

test('a todo that is taken back has its place, and what was still owed to it', async () => {
  const world = await opened();
  const [tab] = world.tabs;
  const [, todo] = tab.todos.visible;
  world.isAutomatic = false;
  todo.change({ title: 'new words' });
  todo.delete();
  await world.pass(100);
  assert.deepEqual(tab.todos.undo(), [todo]);
  world.isAutomatic = true;
  for (const exchange of [...world.pending]) world.deliver(exchange, 'answer');
  await world.pass(5000);
  assert.deepEqual(tab.todos.visible.map(({ key }) => key).slice(0, 3), [0, 1, 2]);
  assert.equal(world.list.todos[1].title, 'new words');
});

test('of what was deleted elsewhere meanwhile the words are offered', async () => {
  const world = await opened();
  const [tab] = world.tabs;
  remove(tab, 1);
  await world.pass(100);
  world.list.todos[1] = null;
  tab.todos.undo();
  await world.pass(5000);
  assert.deepEqual([...tab.outbox.words.values()].map(({ kind, text }) => [kind, text]), [['gone', 'todo 1']]);
  assert.equal(tab.todos.visible.length, 99);
});

test('what was added at once is deleted when it is taken back', async () => {
  const world = await opened(2);
  const [here, there] = world.tabs;
  here.todos.createAll(['milk', 'bread']);
  await world.pass(2000);
  assert.equal(left(world), 102);
  there.todos.undo();
  await world.pass(2000);
  assert.equal(left(world), 100);
});
