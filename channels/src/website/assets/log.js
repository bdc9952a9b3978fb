// The list on the screen: brings it in line with the rows, and keeps the visitor's place in it.

import { h, morph } from './dom.js';
import { dayNode, itemNode } from './message.js';

const NEAR = 48; // pixels from the end that still count as being there

export class Log {
  /** `on.again(row)`, `on.discard(row)` and `on.older()` are what the visitor may ask for in it. */
  constructor(t, on) {
    this.t = t;
    this.on = on;
    this.nodes = new Map();
    this.shapes = new WeakMap();
    this.pinned = true;
    this.box = document.getElementById('log');
    this.list = document.getElementById('items');
    this.empty = document.getElementById('empty');
    this.jump = document.getElementById('jump');
    this.older = this.olderButton();
    this.watch();
  }

  watch() {
    this.box.addEventListener('scroll', () => this.scrolled(), { passive: true });
    this.list.addEventListener('submit', (event) => { event.preventDefault(); this.asked(event.target, 'again'); });
    this.list.addEventListener('click', (event) => event.target.closest('[data-testid=discard]') && this.asked(event.target, 'discard'));
    this.list.addEventListener('animationend', (event) => event.target.classList.remove('fresh'));
    this.jump.addEventListener('click', () => { this.toEnd(); this.box.focus(); });
    const resized = new ResizeObserver(() => this.pinned && this.toEnd());
    resized.observe(this.box);
    resized.observe(this.list);
  }

  asked(element, wish) {
    const node = element.closest('li');
    this.box.focus({ preventScroll: true }); // the button is about to go
    this.on[wish]({ id: node.dataset.id, key: node.dataset.key });
  }

  /** Shows the rows; `fresh` when what was not there before has just happened. */
  show(rows, fresh) {
    const hold = this.pinned ? null : this.anchor();
    if (!fresh) this.hush();
    if (!this.nodes.size) this.list.replaceChildren();
    this.removeAllBut(new Set(rows.map((row) => row.uid)));
    let place = this.list.firstChild;
    for (const row of rows) {
      const node = this.nodeOf(row, fresh);
      if (node === place) place = place.nextSibling;
      else this.list.insertBefore(node, place);
    }
    this.empty.hidden = rows.length > 0;
    this.keepPlace(hold);
  }

  /** What is shown now is not news: screen readers are not to read it out. */
  hush() {
    clearTimeout(this.hushed);
    this.box.ariaLive = 'off';
    this.hushed = setTimeout(() => { this.box.ariaLive = 'polite'; }, 500);
  }

  nodeOf(row, fresh) {
    const node = this.nodes.get(row.uid);
    const shape = JSON.stringify(row);
    if (node && this.shapes.get(node) === shape) return node;
    const wanted = row.kind ? itemNode(row, this.t) : dayNode(row);
    if (node) morph(node, wanted);
    else if (fresh) wanted.classList.add('fresh');
    this.shapes.set(node ?? wanted, shape);
    this.nodes.set(row.uid, node ?? wanted);
    return node ?? wanted;
  }

  removeAllBut(wanted) {
    for (const [uid, node] of this.nodes) {
      if (wanted.has(uid)) continue;
      node.remove();
      this.nodes.delete(uid);
    }
  }

  /** The first item in sight and where it stands, to be held there while things change above. */
  anchor() {
    const top = this.box.getBoundingClientRect().top;
    const items = [...this.list.querySelectorAll('[data-testid=message]')];
    const node = items.find((one) => one.getBoundingClientRect().bottom > top);
    return node && { node, top: node.getBoundingClientRect().top };
  }

  keepPlace(hold) {
    if (this.pinned) this.toEnd();
    else if (hold?.node.isConnected) this.box.scrollTop += hold.node.getBoundingClientRect().top - hold.top;
  }

  scrolled() {
    this.pinned = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < NEAR;
    if (this.pinned) this.jump.hidden = true;
  }

  toEnd() {
    this.pinned = true;
    this.jump.hidden = true;
    this.box.scrollTop = this.box.scrollHeight;
  }

  /** News has come: offers the way down to who is reading further up. */
  announceBelow() {
    this.jump.hidden = this.pinned;
  }

  /** The link of the page without script becomes a button. */
  olderButton() {
    const button = h('button', { type: 'button', class: 'pill', 'data-testid': 'load-earlier' }, this.t.load_earlier);
    const place = h('p', { class: 'older' }, button);
    place.hidden = !document.getElementById('older');
    document.querySelectorAll('.older').forEach((old) => old.remove());
    this.empty.before(place);
    button.addEventListener('click', () => this.loadOlder(button));
    return place;
  }

  async loadOlder(button) {
    if (button.ariaBusy === 'true') return;
    button.ariaBusy = 'true';
    const more = await this.on.older().catch(() => true);
    this.offerOlder(more);
    if (!more) this.box.focus({ preventScroll: true });
    button.ariaBusy = 'false';
  }

  offerOlder(more) {
    this.older.hidden = !more;
  }
}
