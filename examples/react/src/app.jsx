/* The page: TodoMVC's markup, and what the user can do. */
import { useState, useSyncExternalStore } from 'react';
import { nameOf, useChanges, useTodos } from './server.js';

export function App() {
  const [refusal, setRefusal] = useState('');
  const say = (error) => setRefusal(`This was not saved: ${error.message}`);
  const { create, change, remove } = useChanges(say);
  const { todos, isAway } = useTodos();
  const filter = useFilter();
  const completed = todos.filter((todo) => todo.completed);
  const active = todos.filter((todo) => !todo.completed);
  const shown = { active, completed }[filter] ?? todos;

  const toggleAll = ({ target }) =>
    todos
      .filter((todo) => Boolean(todo.completed) !== target.checked)
      .forEach((todo) => change(todo, { completed: target.checked }));

  return (
    <>
      <section className="todoapp">
        <header className="header">
          <h1>todos</h1>
          <NewTodo create={create} />
        </header>
        {todos.length > 0 && (
          <>
            <section className="main">
              <input
                className="toggle-all"
                id="toggle-all"
                type="checkbox"
                checked={!active.length}
                onChange={toggleAll}
              />
              <label htmlFor="toggle-all">Mark all as complete</label>
              <ul className="todo-list">
                {shown.map((todo) => (
                  <Item key={nameOf(todo)} todo={todo} change={change} remove={remove} />
                ))}
              </ul>
            </section>
            <footer className="footer">
              <span className="todo-count">
                <strong>{active.length}</strong> {active.length === 1 ? 'item' : 'items'} left
              </span>
              <ul className="filters">
                {['', 'active', 'completed'].map((name) => (
                  <li key={name}>
                    <a href={`#/${name}`} className={name === filter ? 'selected' : ''}>
                      {{ active: 'Active', completed: 'Completed' }[name] ?? 'All'}
                    </a>
                  </li>
                ))}
              </ul>
              {completed.length > 0 && (
                <button className="clear-completed" onClick={() => completed.forEach(remove)}>
                  Clear completed
                </button>
              )}
            </footer>
          </>
        )}
      </section>
      <footer className="info">
        <p className="notice" role="status">
          {isAway
            ? 'The server is away. Leave this page open: your changes are sent when it is back.'
            : refusal}
        </p>
        <p>Double-click to edit a todo</p>
      </footer>
    </>
  );
}

function NewTodo({ create }) {
  function createOnEnter({ key, target, nativeEvent }) {
    const title = target.value.trim();
    if (key !== 'Enter' || nativeEvent.isComposing || !title) return;
    create(title);
    target.value = '';
  }

  return (
    <input
      className="new-todo"
      placeholder="What needs to be done?"
      autoFocus
      onKeyDown={createOnEnter}
    />
  );
}

function Item({ todo, change, remove }) {
  const [isEditing, setIsEditing] = useState(false);
  const classes = [todo.completed && 'completed', isEditing && 'editing'];

  function save(title) {
    setIsEditing(false);
    if (!title) remove(todo);
    else if (title !== todo.title) change(todo, { title });
  }

  return (
    <li className={classes.filter(Boolean).join(' ')}>
      <div className="view">
        <input
          className="toggle"
          type="checkbox"
          checked={Boolean(todo.completed)}
          onChange={() => change(todo, { completed: !todo.completed })}
        />
        <label onDoubleClick={() => setIsEditing(true)}>{String(todo.title ?? '')}</label>
        <button className="destroy" onClick={() => remove(todo)} />
      </div>
      {isEditing && <Editor title={todo.title} save={save} />}
    </li>
  );
}

function Editor({ title, save }) {
  function leaveOnKey({ key, target, nativeEvent }) {
    if (key === 'Enter' && !nativeEvent.isComposing) save(target.value.trim());
    if (key === 'Escape') save(title);
  }

  return (
    <input
      className="edit"
      defaultValue={title}
      autoFocus
      onKeyDown={leaveOnKey}
      onBlur={({ target }) => save(target.value.trim())}
    />
  );
}

const FILTERS = ['active', 'completed'];

/** Returns the filter that the address names. */
function useFilter() {
  const hash = useSyncExternalStore(
    (changed) => {
      addEventListener('hashchange', changed);
      return () => removeEventListener('hashchange', changed);
    },
    () => location.hash.slice(2),
  );
  return FILTERS.includes(hash) ? hash : '';
}
