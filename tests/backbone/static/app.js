// A Backbone application such as the tutorial's: a model, a collection, a view for each todo, and Backbone.sync as it is.
const app = {};

app.Todo = Backbone.Model.extend({
  defaults: { title: '', completed: false },
  toggle() {
    this.save({ completed: !this.get('completed') });
  },
});

app.todos = new (Backbone.Collection.extend({ model: app.Todo }))();

app.TodoView = Backbone.View.extend({
  tagName: 'li',
  template: _.template($('#item').html()),
  events: { 'click .toggle': 'toggle', 'click .destroy': 'destroy' },
  initialize() {
    this.listenTo(this.model, 'change', this.render);
    this.listenTo(this.model, 'destroy', this.remove);
  },
  render() {
    this.$el.html(this.template(this.model.toJSON())).toggleClass('completed', this.model.get('completed'));
    return this;
  },
  toggle() {
    this.model.toggle();
  },
  destroy() {
    this.model.destroy();
  },
});

app.AppView = Backbone.View.extend({
  el: '.todoapp',
  events: { 'keypress .new-todo': 'create' },
  initialize() {
    this.listenTo(app.todos, 'add', this.add);
    this.listenTo(app.todos, 'reset', this.addAll);
  },
  add(todo) {
    this.$('.todo-list').append(new app.TodoView({ model: todo }).render().el);
  },
  addAll() {
    this.$('.todo-list').empty();
    app.todos.each(this.add, this);
  },
  create(event) {
    const input = this.$('.new-todo');
    if (event.key !== 'Enter' || !input.val().trim()) return;
    app.todos.create({ title: input.val().trim() });
    input.val('');
  },
});

new app.AppView();

// The tutorial's two lines; only that the page carries the todos as data, so that no script need stand in it.
app.todos.url = $('#todos').data('url');
app.todos.reset(JSON.parse($('#todos').text()));
