/**
 * Opens the page when the server is away: the last one, with the todos as they were last seen.
 *
 * Network first: what can be fetched is never the copy. The copy stands for this page only as long
 * as nothing else has answered at its address; then the worker removes itself and its cache.
 */

const { scope } = registration;
const CACHE = `todomvc ${scope}`; // the page's offline.js puts the todos into it
const TODOS = /(<script type="application\/json" id="todos"[^>]* data-list="([^"]*)">)[^<]*/;
const FILES = /(?:href|src)="([^"]+\.(?:css|js|svg|png|webmanifest))"/g;

addEventListener('install', (event) => event.waitUntil(install(event)));
addEventListener('fetch', (event) => {
  const { mode, destination, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (mode === 'navigate' && origin + pathname === scope) {
    event.respondWith(fetchPage(event.request));
  } else if (['script', 'style', 'image', 'manifest'].includes(destination)) {
    event.respondWith(fetchFile(event.request));
  }
});

/** Keeps the page and all the files that it names. */
async function install(event) {
  // A browser may lose what a page sends as it goes if that passes a worker, answered or not.
  const urlPattern = new URL('todos/*', scope).href;
  await event.addRoutes?.({ condition: { urlPattern }, source: 'network' });
  const response = await fetch(scope);
  const html = await response.clone().text();
  if (!await keepPage(response)) throw new Error('Another page is here.');
  const cache = await caches.open(CACHE);
  await cache.addAll([...html.matchAll(FILES)].map(([, url]) => new URL(url, scope).href));
  await skipWaiting();
}

/** (Without navigation preload: if one fails in Firefox 153, so does the navigation.) */
async function fetchPage(request) {
  let response;
  try {
    response = await fetch(request);
  } catch {
    return await lastPage() ?? Response.error();
  }
  if (!await keepPage(response.clone())) await remove();
  return response;
}

async function fetchFile(request) {
  const copy = await caches.match(request, { cacheName: CACHE });
  try {
    const response = await fetch(request);
    if (copy && response.ok) await (await caches.open(CACHE)).put(request, response.clone());
    return response;
  } catch (error) {
    if (!copy) throw error;
    return copy;
  }
}

/** @returns {Promise<boolean>} whether it is the page; it is kept without its todos */
async function keepPage(response) {
  const html = response.ok && response.headers.has('Todo-List') ? await response.text() : '';
  if (!TODOS.test(html)) return false;
  const cache = await caches.open(CACHE);
  const { headers } = response;
  await cache.put(scope, new Response(html.replace(TODOS, '$1[]'), { headers }));
  return true;
}

/** @returns {Promise<Response | undefined>} the page with its todos, where they are kept */
async function lastPage() {
  const cache = await caches.open(CACHE);
  const page = await cache.match(scope);
  if (!page) return undefined;
  const html = await page.text();
  const [, , list] = TODOS.exec(html) ?? [];
  const kept = await cache.match(new URL(`todos/?list=${list}`, scope));
  const todos = (await kept?.text() ?? '[]').replaceAll('<', '\\u003c');
  const offline = (_, tag) => `${tag.slice(0, -1)} data-offline>${todos}`;
  return new Response(html.replace(TODOS, offline), { headers: page.headers });
}

async function remove() {
  await caches.delete(CACHE);
  await registration.unregister();
}
