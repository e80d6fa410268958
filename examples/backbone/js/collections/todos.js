var app = app || {};

app.Todos = Backbone.Collection.extend({
  model: app.Todo,

  completed() {
    return this.filter((todo) => todo.get('completed'));
  },

  remaining() {
    return this.reject((todo) => todo.get('completed'));
  },
});

app.todos = new app.Todos();
