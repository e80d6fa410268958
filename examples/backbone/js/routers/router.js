var app = app || {};

app.Router = Backbone.Router.extend({
  routes: { '*filter': 'setFilter' },

  setFilter(filter) {
    app.filter = ['active', 'completed'].includes(filter) ? filter : '';
    app.todos.trigger('filter');
  },
});
