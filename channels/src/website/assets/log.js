// The list on the screen: brings it in line with the rows, and keeps the visitor's place in it.

import { h, morph } from './dom.js';
import { dayNode, itemNode } from './message.js';

const HOLD = 450; // milliseconds that make a long press
const NEAR = 48; // pixels from the end that still count as being there

export class Log {
  /** `on.again`, `discard`, `restore` and `quote` get the row that the visitor asks it for; `on.older()` more rows. */
  constructor(t, on) {
    this.t = t;
    this.on = on;
    this.nodes = new Map();
    this.shapes = new WeakMap();
    this.pinned = true;
    this.top = 0;
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
    this.list.addEventListener('click', ({ target }) => {
      const wish = target.closest('[data-wish]')?.dataset.wish;
      if (wish) this.asked(target, wish);
    });
    this.list.addEventListener('keydown', (event) => this.moved(event));
    this.watchTouch();
    this.list.addEventListener('animationend', (event) => event.target.classList.remove('fresh'));
    this.jump.addEventListener('click', () => { this.toEnd(); this.box.focus(); });
    const resized = new ResizeObserver(() => this.staysAtEnd() && this.toEnd());
    resized.observe(this.box);
    resized.observe(this.list);
  }

  /** A long press shows what can be done with a message; the next touch elsewhere hides it. */
  watchTouch() {
    let timer;
    const stop = () => clearTimeout(timer);
    this.box.addEventListener('touchstart', ({ target }) => {
      const node = target.closest('[data-testid=message]');
      stop();
      this.list.querySelectorAll('.held').forEach((one) => one !== node && one.classList.remove('held'));
      timer = setTimeout(() => node?.classList.add('held'), HOLD);
    }, { passive: true });
    for (const type of ['touchend', 'touchmove', 'touchcancel']) this.box.addEventListener(type, stop, { passive: true });
  }

  /** Up and down lead from one message's button to the next: only the last one is a stop of the Tab key. */
  moved(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || !event.target.matches('.quote')) return;
    event.preventDefault();
    const all = [...this.list.querySelectorAll('.quote')];
    all[all.indexOf(event.target) + step]?.focus();
  }

  asked(element, wish) {
    const node = element.closest('li');
    this.box.focus({ preventScroll: true }); // the button is about to go
    this.on[wish]({ id: node.dataset.id, key: node.dataset.key });
  }

  /** Shows the rows; `fresh` when what was not there before has just happened. */
  show(rows, fresh) {
    const hold = this.staysAtEnd() ? null : this.anchor();
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
    this.box.classList.toggle('bare-log', !rows.length);
    this.keepPlace(hold);
  }

  /** What is shown now is not news: screen readers are not to read it out. */
  hush() {
    clearTimeout(this.hushed);
    this.box.setAttribute('aria-live', 'off');
    this.hushed = setTimeout(() => this.box.setAttribute('aria-live', 'polite'), 500);
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

  /** Whether the end is to be kept in sight. The news of a scroll upward may be on its way still. */
  staysAtEnd() {
    if (this.box.scrollTop < this.top - 1) this.scrolled();
    return this.pinned;
  }

  /** Only who scrolls up leaves the end: it goes out of sight by itself as well, when something below takes room. */
  scrolled() {
    const up = this.box.scrollTop < this.top - 1;
    const near = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < NEAR;
    this.top = this.box.scrollTop;
    if (near) this.pinned = true;
    else if (up) this.pinned = false;
    else if (this.pinned) this.toEnd();
    if (this.pinned) this.jump.hidden = true;
  }

  /** At the beginning: the end of a conversation, the greeting where there is none. */
  toStart() {
    if (this.nodes.size) this.toEnd();
    else this.box.scrollTop = 0;
  }

  toEnd() {
    this.pinned = true;
    this.jump.hidden = true;
    this.box.scrollTop = this.box.scrollHeight;
    this.top = this.box.scrollTop;
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
    this.loadAtTop(place, button);
    return place;
  }

  /** Who scrolls up to it need not press it. */
  loadAtTop(place, button) {
    if (!window.IntersectionObserver) return;
    this.sight = new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && this.loadOlder(button), { root: this.box, rootMargin: '120px 0px 0px' });
    this.sight.observe(place);
  }

  async loadOlder(button) {
    if (button.getAttribute('aria-busy') === 'true') return;
    button.setAttribute('aria-busy', 'true');
    const more = await this.on.older().catch(() => null); // null: it did not work; the button stays
    if (more === false && document.activeElement === button) this.box.focus({ preventScroll: true });
    this.offerOlder(more !== false);
    button.setAttribute('aria-busy', 'false');
    if (!more) return;
    this.sight?.unobserve(this.older); // looks again: the page may have been a short one
    this.sight?.observe(this.older);
  }

  offerOlder(more) {
    this.older.hidden = !more;
  }
}
