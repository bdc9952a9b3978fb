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

const config = JSON.parse(document.body.dataset.config);
const t = config.texts;
const olderPage = new URLSearchParams(location.search).has('before'); // a page of the history, opened by its address
const conversation = new Conversation(olderPage ? { items: [] } : config);
const rows = new Rows(config.lang, t);
const retrying = new Set();
const QUOTED = 4; // lines of a quote
let composer;

const api = new Api(config.base, (page) => {
  conversation.startOver(page);
  log.offerOlder(page.more);
  updates.restart(page.cursor);
  show();
}, around.session);
const log = new Log(t, { again, discard: ({ key }) => outbox.drop(key), restore, quote, older });
const outbox = new Outbox(api, config.keep ?? config.base, {
  changed: () => show(),
  accepted: ({ item }) => take([item]),
  failed: (error) => { before.refused(error); say('announce', t.announce_failed); },
  extras: () => before.extras(),
});
const before = new Before(config, api, () => show(false));
const updates = new Updates(api, config.cursor, {
  news,
  link: (failures) => say('connection', failures > 1 ? t.connection_lost : ''),
});
const unread = unreadTitle();

function show(fresh = true) {
  const items = conversation.sorted().map((item) => (retrying.has(item.id) ? { ...item, state: 'sending' } : item));
  log.show(rows.layout(items.map(seen), outbox.messages.map(seen), conversation.era), fresh);
  before.around(items, outbox.messages);
  document.getElementById('rate').hidden = !before.info.rating || !asked([...items, ...outbox.messages]);
  around.shown(items);
}

function news(answer) {
  if (answer.reset) {
    conversation.reset({ items: answer.items }); // from the very beginning
    log.offerOlder(false);
    show(false);
  } else if (answer.items.length) {
    take(answer.items);
  }
}

function take(items) {
  const others = conversation.merge(items).filter((item) => item.from !== 'visitor' && item.kind === 'message' && !item.deleted);
  const arrived = new Set(items.map((item) => item.key));
  const here = outbox.messages.filter((message) => arrived.has(message.key));
  show();
  here.forEach((message) => { outbox.drop(message.key); told(message); });
  if (!others.length) return;
  log.announceBelow();
  unread.add(others.length);
}

/** The server has a message and what went along with it: those behind it need not bring the same once more. */
function told({ profile, about }) {
  const same = (one) => JSON.stringify(one.profile) === JSON.stringify(profile);
  if (profile) outbox.messages.filter(same).forEach((one) => outbox.put({ ...one, profile: undefined }));
  before.sent(profile, about);
}

async function older() {
  const page = await api.page(conversation.oldest());
  conversation.page(page);
  show(false);
  return page.more;
}

/** A message the server doesn't have is posted again with its key; one it has is put back in its queue. */
async function again({ id, key }) {
  if (!id) return before.check() && outbox.again(key);
  retrying.add(id);
  show();
  const answer = await api.retry(id).catch((error) => (error.temporary && say('announce', t.announce_failed), null));
  retrying.delete(id);
  return answer ? take([answer.item]) : show();
}

/** Gives the text of a message whose files are gone back to be written, and its files to be chosen. */
function restore({ key }) {
  const message = outbox.find(key);
  if (message?.text) composer.prepend(`${message.text}\n`.trim());
  outbox.drop(key);
  composer.attachments?.input.click();
}

/** Answers a message: its text goes before what is written, as mail has it. */
function quote({ id }) {
  const lines = conversation.find(id).text.split('\n').filter((line) => line.trim());
  const own = lines.filter((line) => !line.startsWith('> ')); // without what it quotes itself
  const quoted = (own.length ? own : lines).slice(0, QUOTED).map((line) => `> ${Array.from(line).slice(0, 200).join('')}`);
  composer.prepend(`${quoted.join('\n')}\n`);
}

function say(id, text) {
  const line = document.getElementById(id);
  if (line.textContent !== text || id === 'announce') line.textContent = text;
}

async function newestPage() {
  history.replaceState(null, '', config.here);
  const page = await api.page();
  conversation.reset(page);
  log.offerOlder(page.more);
  updates.cursor = page.cursor;
}

/** A vote is a message of one character, marked by its key. */
function vote(event) {
  event.preventDefault();
  log.toEnd();
  outbox.put({ key: voteKey(), text: event.submitter.value, at: Date.now(), state: 'sending', ...before.extras() });
  outbox.pump();
  document.getElementById('text').focus();
}

/** Everything of this visitor goes: there, here, and then they are somebody new. */
async function forget(event) {
  event.preventDefault();
  say('forget-fault', '');
  const once = () => api.forget();
  const gone = await once().catch((error) => error.status === 401 && once()) // the session was lost, and is another one now
    .catch(({ code }) => code === 'consent_needed'); // there was none, and nothing to forget
  if (!gone) return say('forget-fault', t.forget_failed);
  outbox.messages.forEach(({ key }) => outbox.drop(key));
  for (const kind of ['localStorage', 'sessionStorage']) memory(kind, `openline:${config.keep ?? config.base}`).clear();
  around.session?.drop();
  document.getElementById('composer').reset();
  location.reload();
}

async function start() {
  document.documentElement.classList.add('js');
  composer = new Composer({ ...config, base: config.keep ?? config.base, t }, (text, name, files) => { log.toEnd(); outbox.add(text, name, files); });
  document.getElementById('rate').addEventListener('submit', vote);
  document.getElementById('forget').addEventListener('submit', forget);
  fitKeyboard();
  listen((type) => updates.nudge(type));
  if (olderPage) await newestPage().catch(() => { updates.cursor = 0; });
  for (const { key } of config.items) if (key && outbox.has(key)) outbox.drop(key);
  before.fill(outbox.messages.find(({ profile }) => profile)?.profile);
  show(false);
  log.toEnd();
  outbox.pump();
  await before.agreed;
  updates.run();
}

start();
