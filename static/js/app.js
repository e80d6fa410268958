import { Todos } from './collections/todos.js';
import { openStorage, Outbox } from './outbox.js';
import { Router } from './routers/router.js';
import { Sync } from './sync.js';
import { Tabs } from './tabs.js';
import { AppView } from './views/app-view.js';

const page = document.querySelector('#todos');
const { url } = page.dataset;
const storage = openStorage();
const sync = new Sync(url, new Outbox(url, storage), new Tabs(url, storage));
const todos = new Todos(sync);
const router = new Router();

new AppView(todos, sync, router);
router.start();
todos.reset(JSON.parse(page.textContent));
sync.start();
