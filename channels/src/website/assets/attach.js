// Files that are to go with the next message: chosen, dropped on the page or pasted; checked, and shown as chips.

export class Attachments {
  /** `parts`: `rules` are the server's `{most, types, count}`, `t` the texts, `input` and `button` what files are chosen
      with, and what this is built with; `changed(problem)` is called whenever what is chosen changed. */
  constructor(parts, changed) {
    Object.assign(this, parts, { changed, files: [], urls: new Map() });
    const { h, t } = parts;
    this.chips = h('ul', { class: 'chips', 'aria-label': t.chosen_files, hidden: true, 'data-testid': 'chips' });
    this.zone = h('div', { class: 'drop', hidden: true, 'data-testid': 'drop-zone' }, h('p', {}, t.drop_here));
    this.chips.addEventListener('click', (event) => this.removed(event.target.closest('button')));
  }

  add(list) {
    let problem = '';
    for (const file of list) {
      const found = this.problem(file);
      if (found) problem ||= found;
      else this.files.push(file);
    }
    if (list.length) this.show(problem);
  }

  problem(file) {
    const { most, count, types } = this.rules;
    const say = (text) => text.replace('{name}', () => file.name).replace('{size}', () => this.bytes(most, this.t)).replace('{count}', count);
    const takes = (rule) => rule === '*/*' || rule === file.type || (rule.endsWith('/*') && file.type.startsWith(rule.slice(0, -1)));
    if (this.files.length >= count) return say(this.t.too_many_files);
    if (file.size > most) return say(this.t.file_too_large);
    if (!file.size) return say(this.t.file_empty);
    return types.length && file.type && !types.some(takes) ? say(this.t.file_type_refused) : '';
  }

  /** Hands over what was chosen. */
  take() {
    const files = this.files;
    this.files = [];
    if (files.length) this.show('');
    return files;
  }

  removed(button) {
    if (!button) return;
    const index = [...this.chips.children].indexOf(button.closest('li'));
    this.files.splice(index, 1);
    this.show('');
    const next = this.chips.children[Math.min(index, this.files.length - 1)];
    (next?.querySelector('button') ?? this.button).focus();
  }

  show(problem) {
    for (const [file, url] of this.urls) {
      if (this.files.includes(file)) continue;
      URL.revokeObjectURL(url);
      this.urls.delete(file);
    }
    this.chips.replaceChildren(...this.files.map((file) => this.chip(file)));
    this.chips.hidden = !this.files.length;
    this.changed(problem);
  }

  chip(file) {
    const { h, icon } = this;
    const label = this.t.remove_file.replace('{name}', () => file.name);
    return h('li', { 'data-testid': 'chip' },
      file.type.startsWith('image/') && h('img', { src: this.preview(file), alt: '', width: 40, height: 40 }),
      h('span', { class: 'chip-text' }, h('span', { class: 'chip-name', dir: 'auto' }, file.name), ' ', h('small', {}, this.bytes(file.size, this.t))),
      h('button', { type: 'button', class: 'act', 'aria-label': label, title: label, 'data-testid': 'remove-file' }, icon('M6 6l12 12M18 6L6 18')));
  }

  preview(file) {
    if (!this.urls.has(file)) this.urls.set(file, URL.createObjectURL(file));
    return this.urls.get(file);
  }
}
