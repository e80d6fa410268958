/* The server: which todos it has, and how to change them. */
import {
  notifyManager,
  useMutation,
  useMutationState,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';

// todomvc.py fills the page in. Vite's development server does not: VITE_TODOS_URL is for that.
const page = document.getElementById('todos');
const url = import.meta.env.VITE_TODOS_URL ?? page.dataset.url;
const initialData = page.textContent.startsWith('[') ? JSON.parse(page.textContent) : undefined;

const queryKey = ['todos'];
const untilBack = { retry: (count, error) => error.isAway, retryDelay: 1000 };
notifyManager.setScheduler(queueMicrotask); // so that a box is seen ticked at once

/**
 * Returns the todos as the page is to show them: those of the server, with the changes that it does
 * not have yet. isAway: whether the server gives no answer.
 */
export function useTodos() {
  const read = () => request('GET');
  const options = { queryKey, queryFn: read, initialData, staleTime: 5000, ...untilBack };
  const { data = [], failureCount } = useQuery(options);
  const filters = { status: 'pending' };
  const pending = useMutationState({ filters, select: ({ state }) => state });
  const todos = pending.reduce((changed, { variables }) => variables.change(changed), data);
  return { todos, isAway: failureCount > 0 || pending.some((state) => state.failureCount > 0) };
}

/**
 * Returns the functions that change todos. The server gets one change after the other, and each is
 * repeated while it is away.
 */
export function useChanges(onRefusal) {
  const client = useQueryClient();
  const { mutate } = useMutation({
    scope: { id: 'todos' },
    mutationFn: ({ send }) => send(),
    onSuccess: (answer, { change }) => client.setQueryData(queryKey, change),
    onError: onRefusal,
    onSettled: () => client.isMutating() === 1 && client.invalidateQueries({ queryKey }),
    ...untilBack,
  });

  return {
    create(title) {
      const todo = { title, completed: false, key: `${Date.now()}-${Math.random()}` };
      const isIt = (other) => isSame(other, todo);
      const added = (todos) => (todos.some(isIt) ? todos : [...todos, todo]);
      mutate({ change: added, send: () => post(todo) });
    },
    change(todo, fields) {
      const changed = (other) => (isSame(other, todo) ? { ...other, ...fields } : other);
      const send = () => request('PATCH', idOf(todo), fields);
      mutate({ change: (todos) => todos.map(changed), send });
    },
    remove(todo) {
      const isOther = (other) => !isSame(other, todo);
      const send = () => request('DELETE', idOf(todo));
      mutate({ change: (todos) => todos.filter(isOther), send });
    },
  };
}

// A todo is known by the key that made it until the server has given it an id.

const ids = new Map();
const idOf = (todo) => todo.id ?? ids.get(todo.key);
export const nameOf = (todo) => todo.key ?? todo.id;
const isSame = (one, other) => nameOf(one) === nameOf(other);

async function post(todo) {
  const { id } = await request('POST', '', todo, { 'Idempotency-Key': todo.key });
  ids.set(todo.key, id);
}

async function request(method, id = '', body = undefined, headers = {}) {
  const options = { method, headers: { ...headers, 'Content-Type': 'application/json' } };
  if (body) options.body = JSON.stringify(body);
  const response = await fetch(url + id, options).catch(() => ({ status: 503 }));
  if ([502, 503, 504].includes(response.status)) {
    throw Object.assign(new Error('The server is away.'), { isAway: true });
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail);
  return answer;
}
