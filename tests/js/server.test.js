/** What the client asks the server for. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server } from '../../static/js/server.js';

test('lists and todos are read anew, as a browser may have kept the 410 of a proxy', async () => {
  const caches = [];
  const fetch = async (url, { cache }) => {
    caches.push(cache);
    return Response.error();
  };
  const clock = { now: Date.now, abortAfter: () => AbortSignal.timeout(60_000) };
  const server = new Server({ url: '/todos/', list: 'home', user: '' }, { fetch, clock });
  await server.readList('""');
  await server.readTodo(0);
  assert.deepEqual(caches, ['no-cache', 'no-cache']);
});
