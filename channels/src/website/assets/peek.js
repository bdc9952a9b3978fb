// The first words of a new message beside the closed chat: shown by this frame, which the page around makes small, so
// that the page itself never gets at them.

const LENGTH = 140;

export class Peek {
  constructor(h, t, tell) {
    Object.assign(this, { h, t, tell });
    this.box = document.getElementById('peek');
    this.box.addEventListener('click', ({ target }) => {
      if (!target.closest('[data-wish]')) return;
      this.hide();
      this.tell(target.closest('[data-wish=open]') ? 'open' : 'peek', { height: 0 });
    });
  }

  /** Who wrote, and the first line of it. */
  show({ name, text, files }) {
    const { h } = this;
    const line = Array.from((text || files?.[0]?.name || '').trim().split('\n')[0]);
    const first = line.length > LENGTH ? `${line.slice(0, LENGTH).join('')}…` : line.join('');
    this.box.replaceChildren(
      h('button', { type: 'button', class: 'peek-text', 'data-wish': 'open', 'data-testid': 'peek' }, h('strong', { dir: 'auto' }, name || this.t.operator), h('span', { dir: 'auto' }, first)),
      h('button', { type: 'button', class: 'tool close', 'data-wish': 'close', 'aria-label': this.t.peek_close, title: this.t.peek_close, 'data-testid': 'peek-close' }),
    );
    this.box.hidden = false;
    document.body.classList.add('peeking');
    this.tell('peek', { height: Math.ceil(this.box.getBoundingClientRect().height) });
  }

  hide() {
    this.box.hidden = true;
    document.body.classList.remove('peeking');
  }
}
