// The form: name, text, files, counter, draft. It hands over what is to be sent and knows nothing of how.

import { Attachments, icon } from './attach.js';
import { h } from './dom.js';
import { memory } from './memory.js';

export class Composer {
  /** `send(text, name, files)`; `name` is undefined when there is none to tell. */
  constructor({ base, t, limits, lang, files }, send) {
    Object.assign(this, { t, limit: limits.text, send, number: new Intl.NumberFormat(lang) });
    for (const id of ['composer', 'text', 'name', 'who', 'you-are', 'error', 'counter']) this[id] = document.getElementById(id);
    this.touch = matchMedia('(hover: none) and (pointer: coarse)');
    this.kept = memory('sessionStorage', `openline:${base}`);
    this.named = this.name.value;
    this.tools(files);
    this.restore();
    this.watch();
  }

  /** What needs the script: files (where the server takes them) and emoji. */
  tools(rules) {
    this.emoji();
    if (!rules) return;
    this.attachments = new Attachments(rules, this.t, (problem) => { this.error.textContent = problem; });
    this.text.before(this.attachments.button);
    if (!this.attachments.input.isConnected) this.composer.append(this.attachments.input);
    this.text.parentElement.before(this.attachments.chips);
    this.composer.append(this.attachments.zone);
    this.attachments.input.addEventListener('change', () => this.touch.matches || this.text.focus());
  }

  /** The button for emoji; what it opens is loaded when it is first pressed. */
  emoji() {
    const { t } = this;
    const button = h('button', { type: 'button', class: 'act', 'aria-label': t.emoji, title: t.emoji, 'aria-expanded': 'false', 'aria-controls': 'emoji', 'data-testid': 'emoji' },
      icon('M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8 14.5a5 5 0 0 0 8 0M9 9.5v.4M15 9.5v.4'));
    const first = async () => {
      button.removeEventListener('click', first);
      const loaded = await import(`./emoji.js${new URL(import.meta.url).search}`).catch(() => button.addEventListener('click', first));
      if (!loaded) return;
      const { panel, open } = loaded.emojiPicker(t, button, (emoji) => this.insert(emoji));
      this.composer.append(panel);
      open(true);
    };
    button.addEventListener('click', first);
    this.text.after(button);
  }

  /** Puts something where the cursor is. */
  insert(text) {
    this.text.setRangeText(text, this.text.selectionStart, this.text.selectionEnd, 'end');
    this.text.focus();
    this.changed();
  }

  /** Puts something before all that was typed. */
  prepend(text) {
    this.text.setRangeText(text, 0, 0, 'preserve');
    this.text.focus();
    this.text.setSelectionRange(this.text.value.length, this.text.value.length);
    this.changed();
  }

  watch() {
    this.composer.noValidate = true;
    this.composer.addEventListener('submit', (event) => { event.preventDefault(); this.submit(); });
    this.composer.addEventListener('input', () => this.changed());
    this.text.addEventListener('keydown', (event) => this.typed(event));
    this.name.addEventListener('keydown', (event) => this.nameTyped(event));
  }

  restore() {
    const draft = this.kept.get('draft');
    this.text.value ||= draft?.text ?? '';
    this.name.value ||= draft?.name ?? '';
    if (this.text.value) this.changed(false);
  }

  typed(event) {
    const newline = event.shiftKey || event.ctrlKey || event.altKey || event.metaKey || this.touch.matches;
    if (event.key !== 'Enter' || newline || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.composer.requestSubmit(); // what stands before the conversation may hold it back
  }

  /** Enter in the name leads on to the text. */
  nameTyped(event) {
    if (event.key !== 'Enter' || event.isComposing) return;
    event.preventDefault();
    this.settleName();
    this.text.focus();
  }

  submit() {
    const text = this.text.value.trim();
    this.text.focus();
    if (!(text || this.attachments?.files.length) || this.tooLong()) return;
    const name = this.name.value.trim();
    this.send(text, name || this.named ? name : undefined, this.attachments?.take());
    this.named = name;
    this.text.value = '';
    this.settleName();
    this.changed();
  }

  /** Folds a given name away behind "You are Ann". */
  settleName() {
    const name = this.name.value.trim();
    this['you-are'].textContent = this.t.you_are.replace('{name}', () => name);
    this.who.classList.toggle('named', name !== '');
    this.who.open = name === '';
  }

  changed(byVisitor = true) {
    this.kept.set('draft', { text: this.text.value, name: this.name.value });
    this.grow();
    this.count(byVisitor);
  }

  grow() {
    if (CSS.supports('field-sizing', 'content')) return;
    this.text.style.blockSize = 'auto';
    this.text.style.blockSize = `${this.text.scrollHeight}px`;
  }

  used() {
    return Array.from(this.text.value.trim()).length;
  }

  tooLong() {
    return this.text.value.length > this.limit && this.used() > this.limit;
  }

  count(byVisitor) {
    const near = this.text.value.length > this.limit * 0.9;
    const over = this.tooLong();
    this.counter.hidden = !near;
    this.counter.classList.toggle('over', over);
    if (near) this.counter.textContent = this.filled(this.t.counter);
    if (!byVisitor) return; // an error the server has written stays until something is typed
    this.error.textContent = over ? this.filled(this.t.text_too_long) : '';
    this.text.ariaInvalid = over ? 'true' : null;
  }

  filled(text) {
    return text.replace('{used}', () => this.number.format(this.used())).replace('{limit}', () => this.number.format(this.limit));
  }
}
