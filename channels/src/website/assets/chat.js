// The chat page with JavaScript: takes the conversation over from the server's page and keeps it alive.

import { Api } from './api.js';
import { around } from './around.js';
import { Before } from './before.js';
import { Composer } from './composer.js';
import { Conversation } from './conversation.js';
import { Log } from './log.js';
import { memory } from './memory.js';
import { Outbox } from './outbox.js';
import { asked, seen, voteKey } from './rating.js';
import { Rows } from './rows.js';
import { fitKeyboard, unreadTitle } from './screen.js';
import { Updates } from './updates.js';
import { listen } from './wake.js';

const QUOTED = 4; // lines of a quote

export class Chat {
  /** `config` is the page's; in a frame with what the API told of the conversation. */
  constructor(config) {
    this.config = config;
    this.t = config.texts;
    this.kept = config.keep ?? config.base; // what this visitor's part of the browser's storage is called
    this.olderPage = new URLSearchParams(location.search).has('before'); // a page of the history, opened by its address
    this.conversation = new Conversation(this.olderPage ? { items: [] } : config);
    this.rows = new Rows(config.lang, this.t);
    this.retrying = new Set();
    this.api = new Api(config.base, (page) => this.renewed(page), around.session);
    this.api.lost = Boolean(config.opens); // there is no session yet: the first call makes one
    this.log = new Log(this.t, {
      again: (row) => this.again(row), discard: ({ key }) => this.outbox.drop(key), restore: (row) => this.restore(row),
      quote: (row) => this.quote(row), older: () => this.older(),
    });
    this.outbox = new Outbox(this.api, this.kept, {
      changed: () => this.show(),
      accepted: ({ item }) => this.accepted(item),
      failed: (error) => { this.before.refused(error); this.say('announce', this.t.announce_failed); },
      extras: () => this.before.extras(),
    });
    this.before = new Before(config, this.api, () => this.show(false));
    this.updates = new Updates(this.api, config.cursor, {
      news: (answer) => this.news(answer),
      link: (failures) => this.say('connection', failures > 1 ? this.t.connection_lost : ''),
    });
    this.unread = unreadTitle();
  }

  async start() {
    document.documentElement.classList.add('js');
    const send = (text, name, files) => { this.log.toEnd(); this.outbox.add(text, name, files); };
    this.composer = new Composer({ ...this.config, base: this.kept, t: this.t }, send);
    document.getElementById('rate').addEventListener('submit', (event) => event.preventDefault());
    document.getElementById('rate').addEventListener('click', ({ target }) => this.vote(target.closest('button')));
    document.getElementById('forget').addEventListener('submit', (event) => this.forget(event));
    fitKeyboard();
    listen((type) => this.updates.nudge(type));
    if (this.olderPage) await this.newestPage().catch(() => { this.updates.cursor = 0; });
    for (const { key } of this.config.items) if (key && this.outbox.has(key)) this.outbox.drop(key);
    this.before.fill(this.outbox.messages.find(({ profile }) => profile)?.profile);
    this.takeOver();
    this.show(false);
    this.log.toStart();
    this.outbox.pump();
    this.before.agreed.then(() => this.updates.run());
  }

  /** What was written before this was there, see early.js. What the form holds back goes back to be sent again. */
  takeOver() {
    const early = window.openlineEarly;
    if (!early) return;
    early.ready = true;
    this.say('connection', '');
    const texts = early.texts.splice(0);
    if (texts.length && !this.before.check()) this.composer.prepend(texts.join('\n\n'));
    else texts.forEach((text) => this.composer.hand(text));
  }

  show(fresh = true) {
    const items = this.conversation.sorted().map((item) => (this.retrying.has(item.id) ? { ...item, state: 'sending' } : item));
    this.log.show(this.rows.layout(items.map(seen), this.outbox.messages.map(seen), this.conversation.era), fresh);
    this.before.around(items, this.outbox.messages);
    document.getElementById('rate').hidden = !this.before.info.rating || !asked([...items, ...this.outbox.messages]);
    around.shown(items);
  }

  renewed(page) {
    this.conversation.startOver(page);
    this.log.offerOlder(page.more);
    this.updates.restart(page.cursor);
    this.show();
  }

  news(answer) {
    if (answer.reset) {
      this.conversation.reset({ items: answer.items }); // from the very beginning
      this.log.offerOlder(false);
      this.show(false);
    } else if (answer.items.length) {
      this.take(answer.items);
    }
  }

  /** The server has a message: the page around hears of it. */
  accepted(item) {
    // It may have come as news already.
    const first = !this.conversation.sorted().some((one) => one.from === 'visitor' && one.era === this.conversation.era && one.id !== item.id);
    this.take([item]);
    if (item.key?.startsWith('rate-')) around.event('rated', { good: item.text === '1' });
    else {
      if (first) around.event('started');
      around.event('sent');
    }
  }

  take(items) {
    const others = this.conversation.merge(items).filter((item) => item.from !== 'visitor' && item.kind === 'message' && !item.deleted);
    const arrived = new Set(items.map((item) => item.key));
    const here = this.outbox.messages.filter((message) => arrived.has(message.key));
    this.show();
    here.forEach((message) => { this.outbox.drop(message.key); this.told(message); });
    if (!others.length) return;
    this.log.announceBelow();
    this.unread.add(others.length);
  }

  /** The server has a message and what went along with it: those behind it need not bring the same once more. */
  told({ profile, about }) {
    const same = (one) => JSON.stringify(one.profile) === JSON.stringify(profile);
    if (profile) this.outbox.messages.filter(same).forEach((one) => this.outbox.put({ ...one, profile: undefined }));
    this.before.sent(profile, about);
  }

  async older() {
    const page = await this.api.page(this.conversation.oldest());
    this.conversation.page(page);
    this.show(false);
    return page.more;
  }

  /** A message the server doesn't have is posted again with its key; one it has is put back in its queue. */
  async again({ id, key }) {
    if (!id) return this.before.check() && this.outbox.again(key);
    this.retrying.add(id);
    this.show();
    const answer = await this.api.retry(id).catch((error) => (error.temporary && this.say('announce', this.t.announce_failed), null));
    this.retrying.delete(id);
    return answer ? this.take([answer.item]) : this.show();
  }

  /** Gives the text of a message whose files are gone back to be written, and its files to be chosen. */
  restore({ key }) {
    const message = this.outbox.find(key);
    if (message?.text) this.composer.prepend(`${message.text}\n`.trim());
    this.outbox.drop(key);
    this.composer.input?.click();
  }

  /** Answers a message: its text goes before what is written, as mail has it. */
  quote({ id }) {
    const lines = this.conversation.find(id).text.split('\n').filter((line) => line.trim());
    const own = lines.filter((line) => !line.startsWith('> ')); // without what it quotes itself
    const quoted = (own.length ? own : lines).slice(0, QUOTED).map((line) => `> ${Array.from(line).slice(0, 200).join('')}`);
    this.composer.prepend(`${quoted.join('\n')}\n`);
  }

  say(id, text) {
    const line = document.getElementById(id);
    if (line.textContent !== text || id === 'announce') line.textContent = text;
  }

  async newestPage() {
    history.replaceState(null, '', this.config.here);
    const page = await this.api.page();
    this.conversation.reset(page);
    this.log.offerOlder(page.more);
    this.updates.cursor = page.cursor;
  }

  /** A vote is a message of one character, marked by its key. */
  vote(button) {
    if (!button) return;
    this.log.toEnd();
    this.outbox.put({ key: voteKey(), text: button.value, at: Date.now(), state: 'sending', ...this.before.extras() });
    this.outbox.pump();
    document.getElementById('text').focus();
  }

  /** Everything of this visitor goes: there, here, and then they are somebody new. */
  async forget(event) {
    event.preventDefault();
    this.say('forget-fault', '');
    const once = () => this.api.forget();
    const gone = await once().catch((error) => error.status === 401 && once()) // the session was lost, and is another one now
      .catch(({ code }) => code === 'consent_needed'); // there was none, and nothing to forget
    if (!gone) return this.say('forget-fault', this.t.forget_failed);
    this.outbox.messages.forEach(({ key }) => this.outbox.drop(key));
    for (const kind of ['localStorage', 'sessionStorage']) memory(kind, `openline:${this.kept}`).clear();
    around.session?.drop();
    document.getElementById('composer').reset();
    location.reload();
  }
}
