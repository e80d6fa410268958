var app = app || {};

app.AppView = Backbone.View.extend({
  el: 'body',
  statsTemplate: _.template($('#stats-template').html()),

  events: {
    'keypress .new-todo': 'createOnEnter',
    'click .toggle-all': 'toggleAll',
    'click .clear-completed': 'clearCompleted',
  },

  initialize() {
    this.listenTo(app.todos, 'add', this.addOne);
    this.listenTo(app.todos, 'reset', this.addAll);
    this.listenTo(app.todos, 'filter', this.filter);
    this.listenTo(app.todos, 'all', _.debounce(this.render, 0));
    this.listenTo(app.todos, 'error', this.showRefusal);
    this.listenTo(Backbone, 'away', this.showAway);
    this.listenTo(Backbone, 'back', this.showBack);
    this.render();
  },

  render() {
    const completed = app.todos.completed().length;
    const remaining = app.todos.remaining().length;
    this.$('.main, .footer').toggle(app.todos.length > 0);
    this.$('.footer').html(this.statsTemplate({ completed, remaining }));
    this.$(`.filters a[href="#/${app.filter}"]`).addClass('selected');
    this.$('.toggle-all').prop('checked', !remaining);
  },

  addOne(todo) {
    this.$('.todo-list').append(new app.TodoView({ model: todo }).render().el);
  },

  addAll() {
    this.$('.todo-list').empty();
    app.todos.each(this.addOne, this);
  },

  filter() {
    app.todos.each((todo) => todo.trigger('visible'));
  },

  createOnEnter(event) {
    const input = this.$('.new-todo');
    const title = input.val().trim();
    if (event.key !== 'Enter' || !title) return;
    app.todos.create({ title });
    input.val('');
  },

  toggleAll() {
    const completed = this.$('.toggle-all').prop('checked');
    for (const todo of app.todos.models) {
      if (todo.get('completed') !== completed) todo.change({ completed });
    }
  },

  clearCompleted() {
    _.invoke(app.todos.completed(), 'clear');
  },

  showAway() {
    this.away = true;
    this.say('The server is away. Leave this page open: your changes are sent when it is back.');
  },

  showBack() {
    if (this.away) this.say('');
    this.away = false;
  },

  // Shows why the server refused, and the todo as the server has it.
  showRefusal(todo, response, { isRefresh }) {
    const detail = response.responseJSON?.detail ?? 'The server gave no reason.';
    const changed = 'Somebody else changed it: here it is as it is now.';
    const reason = response.status === 412 ? changed : detail;
    this.say(`“${todo.get('title')}” was not saved. ${reason}`);
    if (todo.isNew() || response.status === 404) app.todos.remove(todo);
    else if (!isRefresh) todo.fetch({ isRefresh: true });
  },

  say(text) {
    this.$('.notice').text(text);
  },
});
