var app = app || {};

app.Todo = Backbone.Model.extend({
  defaults: { title: '', completed: false },

  // Sends the changed attributes only (PATCH), so that two people can change a todo each in a part.
  change(attributes) {
    this.save(attributes, { patch: true });
  },

  toggle() {
    this.change({ completed: !this.get('completed') });
  },

  // Deletes the todo once it has its id.
  clear() {
    $.when(this.turn).always(() => this.destroy({ wait: true }));
  },
});
