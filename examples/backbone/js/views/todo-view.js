var app = app || {};

app.TodoView = Backbone.View.extend({
  tagName: 'li',
  template: _.template($('#item-template').html()),

  events: {
    'click .toggle': 'toggle',
    'click .destroy': 'clear',
    'dblclick label': 'edit',
    'keypress .edit': 'saveOnEnter',
    'keydown .edit': 'leaveOnEscape',
    'blur .edit': 'save',
  },

  initialize() {
    this.listenTo(this.model, 'change', this.render);
    this.listenTo(this.model, 'visible', this.toggleVisible);
    this.listenTo(this.model, 'remove', this.remove);
  },

  render() {
    if (this.isEditing()) return this;
    this.$el.html(this.template(this.model.attributes));
    this.$el.toggleClass('completed', Boolean(this.model.get('completed')));
    this.toggleVisible();
    return this;
  },

  toggleVisible() {
    const hidden = this.model.get('completed') ? 'active' : 'completed';
    this.$el.toggleClass('hidden', app.filter === hidden);
  },

  toggle() {
    this.model.toggle();
  },

  clear() {
    this.model.clear();
  },

  isEditing() {
    return this.$el.hasClass('editing');
  },

  edit() {
    this.$el.addClass('editing');
    const input = this.$('.edit');
    input.trigger('focus').val(input.val()); // with the caret at the end
  },

  save() {
    if (!this.isEditing()) return;
    const title = this.$('.edit').val().trim();
    if (!title) this.model.clear();
    else if (title !== this.model.get('title')) this.model.change({ title });
    this.leave();
  },

  leave() {
    this.$el.removeClass('editing');
    this.render();
  },

  saveOnEnter(event) {
    if (event.key === 'Enter') this.save();
  },

  leaveOnEscape(event) {
    if (event.key === 'Escape') this.leave();
  },
});
