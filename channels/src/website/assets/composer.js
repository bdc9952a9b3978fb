// The form: name, text, files, counter, draft. It hands over what is to be sent and knows nothing of how.

import { h, icon } from './dom.js';
import { lazy } from './lazy.js';
import { memory } from './memory.js';
import { bytes } from './message.js';

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
    if (rules) this.chooser(rules);
  }

  /** Files: chosen, dropped on the page or pasted. */
  chooser(rules) {
    const { t } = this;
    const input = document.getElementById('files') // the one of the page without script
      ?? h('input', { type: 'file', multiple: true, hidden: true, accept: rules.types.join(','), 'aria-label': t.attach, 'data-testid': 'file-input' });
    const button = h('button', { type: 'button', class: 'act', 'aria-label': t.attach, title: t.attach, 'data-testid': 'attach' },
      icon('M20 11.5l-8.2 8.1a5 5 0 0 1-7-7.1l8.5-8.5a3.3 3.3 0 0 1 4.7 4.7l-8.4 8.4a1.7 1.7 0 0 1-2.4-2.3l7.7-7.7'));
    Object.assign(this, { input, chosen: { h, icon, bytes, rules, t, input, button } });
    this.text.before(button);
    if (!input.isConnected) this.composer.append(input);
    button.addEventListener('click', () => input.click());
    input.addEventListener('change', () => {
      const files = [...input.files];
      input.value = '';
      this.attach(files).then(() => this.touch.matches || this.text.focus());
    });
    this.watchFiles();
  }

  watchFiles() {
    const dragged = (event) => event.dataTransfer?.types.includes('Files');
    const drag = (on) => { this.dragging = on; if (this.attachments) this.attachments.zone.hidden = !on; };
    const over = (event) => { if (dragged(event)) { event.preventDefault(); drag(true); this.attach([]).then(() => drag(this.dragging)); } };
    addEventListener('dragenter', over);
    addEventListener('dragover', over);
    addEventListener('dragleave', (event) => event.relatedTarget || drag(false));
    addEventListener('drop', (event) => {
      if (!dragged(event)) return;
      event.preventDefault();
      drag(false);
      this.attach([...event.dataTransfer.files]);
    });
    addEventListener('paste', ({ clipboardData }) => clipboardData?.getData('text') || clipboardData?.files.length && this.attach([...clipboardData.files]));
  }

  /** Takes files; what checks and shows them is loaded for the first. */
  async attach(files) {
    const begin = ({ Attachments }) => {
      this.attachments = new Attachments(this.chosen, (problem) => { this.error.textContent = problem; });
      this.text.parentElement.before(this.attachments.chips);
      this.composer.append(this.attachments.zone);
    };
    this.loading ??= lazy('attach.js').then(begin);
    try {
      await this.loading;
      this.attachments.add(files);
    } catch (error) {
      console.error(error);
      this.loading = null;
      this.error.textContent = this.t.error_other;
    }
  }

  /** The button for emoji; what it opens is loaded when it is first pressed. */
  emoji() {
    const { t } = this;
    const button = h('button', { type: 'button', class: 'act', 'aria-label': t.emoji, title: t.emoji, 'aria-expanded': 'false', 'aria-controls': 'emoji', 'data-testid': 'emoji' },
      icon('M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8 14.5a5 5 0 0 0 8 0M9 9.5v.4M15 9.5v.4'));
    const first = async () => {
      button.removeEventListener('click', first);
      const loaded = await lazy('emoji.js').catch(() => button.addEventListener('click', first));
      if (!loaded) return;
      const { panel, open } = loaded.emojiPicker(h, t, button, (emoji) => this.insert(emoji));
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
    this.composer.querySelector('[type=submit]').click(); // what stands before the conversation may hold it back
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
    try {
      this.hand(text, this.attachments?.files);
    } catch (error) {
      console.error(error);
      this.error.textContent = this.t.error_other; // what was written and chosen is still there
      return;
    }
    this.attachments?.take();
    this.text.value = '';
    this.settleName();
    this.changed();
  }

  /** Hands a message over, with the name where there is one to tell. */
  hand(text, files) {
    const name = this.name.value.trim();
    this.send(text, name || this.named ? name : undefined, files);
    this.named = name;
  }

  /** Folds a given name away behind "You are Ann". */
  settleName() {
    const name = this.name.value.trim();
    this['you-are'].textContent = this.t.you_are.replace('{name}', () => name);
    this.who.classList.toggle('named', name !== '');
    this.who.classList.toggle('later', name === ''); // who did not want to say it is not asked above every message
    this.who.open = false;
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
    if (over) this.text.setAttribute('aria-invalid', 'true');
    else this.text.removeAttribute('aria-invalid');
  }

  filled(text) {
    return text.replace('{used}', () => this.number.format(this.used())).replace('{limit}', () => this.number.format(this.limit));
  }
}
