// Files that are to go with the next message: chosen, dropped on the page or pasted; checked, and shown as chips.

import { h } from './dom.js';
import { bytes } from './message.js';

export class Attachments {
  /** `rules` are the server's `{most, types, count}`; `changed(problem)` is called whenever what is chosen changed. */
  constructor(rules, t, changed) {
    Object.assign(this, { rules, t, changed, files: [], urls: new Map() });
    this.input = document.getElementById('files') // the one of the page without script
      ?? h('input', { type: 'file', multiple: true, hidden: true, accept: rules.types.join(','), 'aria-label': t.attach, 'data-testid': 'file-input' });
    this.button = h('button', { type: 'button', class: 'act', 'aria-label': t.attach, title: t.attach, 'data-testid': 'attach' });
    this.button.append(icon('M20 11.5l-8.2 8.1a5 5 0 0 1-7-7.1l8.5-8.5a3.3 3.3 0 0 1 4.7 4.7l-8.4 8.4a1.7 1.7 0 0 1-2.4-2.3l7.7-7.7'));
    this.chips = h('ul', { class: 'chips', 'aria-label': t.chosen_files, hidden: true, 'data-testid': 'chips' });
    this.zone = h('div', { class: 'drop', hidden: true, 'data-testid': 'drop-zone' }, h('p', {}, t.drop_here));
    this.watch();
  }

  watch() {
    this.button.addEventListener('click', () => this.input.click());
    this.input.addEventListener('change', () => { this.add(this.input.files); this.input.value = ''; });
    this.chips.addEventListener('click', (event) => this.removed(event.target.closest('button')));
    const dragged = (event) => event.dataTransfer?.types.includes('Files');
    const over = (event) => { if (dragged(event)) { event.preventDefault(); this.zone.hidden = false; } };
    addEventListener('dragenter', over);
    addEventListener('dragover', over);
    addEventListener('dragleave', (event) => { if (!event.relatedTarget) this.zone.hidden = true; });
    addEventListener('drop', (event) => {
      if (!dragged(event)) return;
      event.preventDefault();
      this.zone.hidden = true;
      this.add(event.dataTransfer.files);
    });
    addEventListener('paste', ({ clipboardData }) => clipboardData?.getData('text') || this.add(clipboardData?.files ?? []));
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
    const say = (text) => text.replace('{name}', () => file.name).replace('{size}', () => bytes(most, this.t)).replace('{count}', count);
    const takes = (rule) => rule === file.type || (rule.endsWith('/*') && file.type.startsWith(rule.slice(0, -1)));
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
    const label = this.t.remove_file.replace('{name}', () => file.name);
    return h('li', { 'data-testid': 'chip' },
      file.type.startsWith('image/') && h('img', { src: this.preview(file), alt: '', width: 40, height: 40 }),
      h('span', { class: 'chip-text' }, h('span', { class: 'chip-name', dir: 'auto' }, file.name), ' ', h('small', {}, bytes(file.size, this.t))),
      h('button', { type: 'button', class: 'act', 'aria-label': label, title: label, 'data-testid': 'remove-file' }, icon('M6 6l12 12M18 6L6 18')));
  }

  preview(file) {
    if (!this.urls.has(file)) this.urls.set(file, URL.createObjectURL(file));
    return this.urls.get(file);
  }
}

/** A line drawing on a field of 24 by 24. */
export function icon(d) {
  const make = (name, attributes) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const svg = make('svg', { viewBox: '0 0 24 24', width: 22, height: 22, 'aria-hidden': 'true', focusable: 'false' });
  svg.append(make('path', { d, fill: 'none', stroke: 'currentColor', 'stroke-width': 1.8, 'stroke-linecap': 'round', 'stroke-linejoin': 'round' }));
  return svg;
}
