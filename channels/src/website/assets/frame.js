// The chat in a frame on another page: asks that page who is there, gets a session without a cookie, and then starts
// like the hosted page. Only the page at the origin it was opened for is told anything, and only what stands here.

import { Api, alone } from './api.js';
import { around } from './around.js';
import { Bearer } from './bearer.js';
import { Chat } from './chat.js';
import { h } from './dom.js';
import { lazy } from './lazy.js';
import { hold, memory } from './memory.js';
import { Unread } from './unread.js';
import { backoff, listen, pause } from './wake.js';

const NOTHING = { items: [], more: false, cursor: 0, name: '' };
const find = (id) => document.getElementById(id);

export class Frame {
  constructor(config) {
    Object.assign(this, { config, t: config.texts, open: false, focused: false, unread: null, tone: null });
    this.kept = memory('localStorage', `openline:${config.base}frame:`);
    this.greeted = new Promise((resolve) => { this.greet = resolve; });
    this.watch();
  }

  tell(openline, more) {
    window.parent.postMessage({ openline, ...more }, this.config.frame.origin);
  }

  watch() {
    addEventListener('message', ({ source, origin, data }) => {
      if (source !== window.parent || origin !== this.config.frame.origin) return;
      if (['hello', 'opened', 'closed', 'page', 'prefill', 'leave'].includes(data?.openline)) this[data.openline](data);
    });
    document.addEventListener('visibilitychange', () => this.unread?.look());
    document.addEventListener('keydown', () => document.documentElement.classList.remove('tapped'), true);
    const bell = find('sound');
    bell.setAttribute('aria-pressed', String(this.wanted()));
    bell.addEventListener('click', async () => (await this.sound()).toggle());
    find('offer').addEventListener('click', ({ target }) => this.answered(target.closest('button')));
    around.event = (name, details) => this.tell('event', { name, details });
  }

  hello({ identity, open, page, focus = open, pointer, prefill }) {
    around.page = page;
    Object.assign(this, { open, focused: focus, pointer });
    this.wish = prefill;
    this.greet(identity ?? null);
  }

  opened({ focus, pointer }) {
    Object.assign(this, { open: true, focused: focus, pointer });
    this.peek?.hide();
    this.unread?.look();
    if (focus) this.focus();
  }

  /** The page around signs its visitor out. */
  async leave() {
    const session = around.session ?? new Bearer(this.kept, null);
    await lazy('leave.js').then(({ leave }) => leave(this.config.base, session)).catch(() => {});
    session.over = true;
    session.drop();
    this.tell('left');
  }

  closed() {
    Object.assign(this, { open: false, focused: false });
  }

  page({ identity, page }) {
    around.page = page;
    if (around.session) around.session.identity = identity;
  }

  /** What the page around would like to stand in the fields; what is written already stays. */
  prefill({ prefill }) {
    const { text, name, email, phone, fields } = prefill ?? {};
    const wanted = { text, 'field-email': email, 'field-phone': phone };
    for (const key in fields) wanted[`field-${key}`] = fields[key];
    for (const id in wanted) this.put(id, wanted[id]);
    this.introduce(name);
  }

  put(id, value) {
    const field = find(id);
    if (!field || value === undefined || value === null || field.value) return;
    field.value = String(value).slice(0, 10000);
    field.dispatchEvent(new Event('input', { bubbles: true }));
  }

  introduce(said) {
    const name = Array.from(String(said ?? '')).slice(0, 100).join('');
    const field = find('name');
    if (!name || !field || field.value) return;
    field.value = name;
    find('you-are').textContent = this.t.you_are.replace('{name}', () => name);
    find('who').classList.add('named');
    find('who').open = false;
  }

  wanted() {
    return this.kept.get('sound') ?? this.config.frame.sound;
  }

  /** Loaded when it is wanted: most visitors leave it off. */
  async sound() {
    const { Sound } = await lazy('sound.js');
    this.tone ??= new Sound(find('sound'), this.kept, this.wanted());
    return this.tone;
  }

  /** Once, when somebody has answered: whether it may be heard. */
  offer() {
    if (this.wanted() || !this.config.frame.offer_sound || this.kept.get('offered')) return;
    this.kept.set('offered', true);
    find('offer').hidden = false;
  }

  async answered(button) {
    if (!button) return;
    find('offer').hidden = true;
    find('text').focus();
    if (button.value && !this.wanted()) (await this.sound()).toggle();
  }

  /** To where one writes; on touch screens to the conversation, so that the keyboard stays away until it is wanted. */
  focus() {
    document.documentElement.classList.toggle('tapped', Boolean(this.pointer)); // who taps needs no frame around it
    const touch = matchMedia('(hover: none) and (pointer: coarse)').matches;
    find(touch || !find('text')?.offsetParent ? 'log' : 'text').focus({ preventScroll: true });
  }

  say(text) {
    const line = find('connection');
    if (line.textContent !== text) line.textContent = text;
  }

  /** A session and the newest page of its conversation; tried until there is an answer. */
  async conversation(api) {
    for (let failures = 0; ; ) {
      try {
        const session = await alone(`${api.root}/session`, () => this.begin(api));
        if (session.session && session.session !== api.session.token) continue; // another frame's was first
        const page = session.cursor ? await api.page() : NOTHING;
        this.say('');
        return { ...page, name: session.name };
      } catch (error) {
        if (!error.temporary) throw error;
        failures += 1;
        if (failures > 1) this.say(this.t.connection_lost);
        await pause(backoff(failures, error.after));
      }
    }
  }

  /** A session: of two frames that have none, one makes it for both. */
  async begin(api) {
    api.session.look();
    const session = await api.request('/session', { body: api.session.wish() });
    api.session.take(session);
    return session;
  }

  refused(error) {
    document.body.classList.add('refused');
    find('error').textContent = '';
    find('log').append(h('p', { class: 'mark', role: 'alert' }, this.t[error.code] ?? this.t.connection_lost));
    this.tell('refused', { code: error.code });
  }

  news(news) {
    const { count, fresh, talk, last } = news;
    this.tell('unread', { count, fresh, talk });
    if (!fresh) return;
    if (last.from === 'operator') this.offer();
    if (this.config.frame.preview) this.preview(last);
    if (this.wanted()) this.sound().then((one) => one.play(), () => {});
  }

  /** Beside the closed chat; loaded for the first message that comes then. */
  async preview(item) {
    if (this.open) return;
    const { Peek } = await lazy('peek.js').catch(() => ({}));
    if (!Peek || this.open) return;
    this.peek ??= new Peek(h, this.t, (openline, more) => this.tell(openline, more));
    this.peek.show(item);
  }

  async start() {
    listen(() => {});
    this.tell('ready');
    const identity = await this.greeted;
    // What one customer left here is not the next one's.
    const whose = identity ? `${String(identity.who).slice(0, 64)}:` : '';
    const own = memory('localStorage', `openline:${this.config.base}frame:${whose}`);
    around.session = new Bearer(own, identity);
    around.visitor = identity;
    this.unread = new Unread(own, () => this.open && !document.hidden, (news) => this.news(news));
    around.shown = (items) => this.unread.shown(items);
    const fresh = !identity && !around.session.token;
    // Who has to agree first gets a session with their first message.
    const first = Boolean(this.config.consent_first) && fresh;
    hold(first);
    // Who is new has nothing to wait for: their session is made while they write.
    const found = fresh ? NOTHING : await this.conversation(new Api(this.config.base, () => {}, around.session)).catch((error) => this.refused(error));
    if (!found) return;
    this.introduce(found.name || identity?.name);
    if (found.more) find('empty').before(h('p', { class: 'older' }, h('a', { id: 'older' })));
    const config = { ...this.config, ...found, consent_first: first, fresh, opens: fresh && !first, keep: `${this.config.base}${whose}` };
    const chat = new Chat(config);
    await chat.start();
    // Addresses of files are good for minutes: whoever follows one gets a fresh one, and so does a picture that did not come.
    for (const type of ['click', 'error']) {
      find('items').addEventListener(type, (event) => {
        if (!event.target.closest('[data-id] a[data-testid=file]')) return;
        event.preventDefault();
        lazy('fresh.js').then(({ fresh }) => fresh(event, chat));
      }, true);
    }
    this.prefill({ prefill: this.wish });
    if (this.focused && document.activeElement === document.body) this.focus(); // else somebody writes already
  }
}
