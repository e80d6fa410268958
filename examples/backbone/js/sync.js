/* Two layers over Backbone.sync. Either works without the other, in any Backbone application. */

// A todo that somebody else has changed is not written over (If-Match), and a POST that is sent
// again because its answer was lost makes no second todo (Idempotency-Key).
const send = Backbone.sync;
Backbone.sync = function (method, model, options) {
  const headers = { ...options.headers };
  model.key ??= `${Date.now()}-${Math.random()}`;
  if (method === 'create') headers['Idempotency-Key'] = model.key;
  else if (method !== 'read' && model.tag) headers['If-Match'] = model.tag;
  return send(method, model, { ...options, headers }).done((todo, status, response) => {
    model.tag = response.getResponseHeader('ETag');
  });
};

// Requests of one todo are sent one after the other. While the server is away, each is repeated.
const sendOnce = Backbone.sync;
const AWAY = [0, 502, 503, 504];
Backbone.sync = function (method, model, options) {
  const isWrite = method === 'create' || method === 'update';
  const attrs = options.attrs ?? (isWrite ? model.toJSON(options) : undefined);

  function attempt() {
    const now = method === 'create' && !model.isNew() ? 'update' : method;
    const sent = sendOnce(now, model, { ...options, attrs, error: undefined });
    return sent.then(answered, (response) => {
      if (!AWAY.includes(response.status)) return refused(response);
      Backbone.trigger('away');
      return $.Deferred((wait) => setTimeout(wait.resolve, 1000)).then(attempt);
    });
  }

  function answered(todo) {
    Backbone.trigger('back');
    return todo;
  }

  function refused(response) {
    Backbone.trigger('back');
    options.error?.(response);
    return $.Deferred().reject(response);
  }

  return (model.turn = $.when(model.turn).then(attempt, attempt));
};
