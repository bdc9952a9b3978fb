// The chat in a frame on another page: asks that page who is there, gets a session without a cookie, and then starts
// like the hosted page. Only the page at the origin it was opened for is told anything, and only what stands here.

import { Api, alone } from './api.js';
import { around } from './around.js';
import { Bearer } from './bearer.js';
import { h } from './dom.js';
import { hold, memory } from './memory.js';
import { Unread } from './unread.js';
import { backoff, listen, pause } from './wake.js';

const config = JSON.parse(document.body.dataset.config);
const t = config.texts;
const { origin } = config.frame;
const kept = memory('localStorage', `openline:${config.base}frame:`);
const state = { open: false, focus: false };
let greet;
const greeted = new Promise((resolve) => { greet = resolve; });

const NOTHING = { items: [], more: false, cursor: 0, name: '' };
const tell = (openline, more) => window.parent.postMessage({ openline, ...more }, origin);

const heard = {
  hello({ identity, open, page, focus: wanted = open }) {
    around.page = page;
    Object.assign(state, { open, focus: wanted });
    greet(identity ?? null);
  },
  open() {
    state.open = state.focus = true;
    unread?.look();
    focus();
  },
  closed() { state.open = state.focus = false; },
  page({ identity, page }) {
    around.page = page;
    if (around.session) around.session.identity = identity;
  },
};

addEventListener('message', (event) => {
  if (event.source !== window.parent || event.origin !== origin) return;
  if (Object.hasOwn(heard, event.data?.openline)) heard[event.data.openline](event.data);
});
addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !event.isComposing && !event.defaultPrevented) tell('close');
});
document.addEventListener('visibilitychange', () => unread?.look());
document.getElementById('close').addEventListener('click', () => tell('close'));
const soundButton = document.getElementById('sound');
const wanted = () => kept.get('sound') ?? config.frame.sound;
soundButton.ariaPressed = String(wanted());
soundButton.addEventListener('click', async () => (await sound()).toggle());
let loaded = null;
let unread = null;

/** Loaded when it is wanted: most visitors leave it off. */
async function sound() {
  const { Sound } = await import(`./sound.js${new URL(import.meta.url).search}`);
  loaded ??= new Sound(soundButton, kept, wanted());
  return loaded;
}

/** To where one writes; on touch screens to the head, so that the keyboard stays away until it is wanted. */
function focus() {
  const touch = matchMedia('(hover: none) and (pointer: coarse)').matches;
  document.getElementById(touch || !document.getElementById('text')?.offsetParent ? 'log' : 'text').focus({ preventScroll: true });
}

function say(text) {
  const line = document.getElementById('connection');
  if (line.textContent !== text) line.textContent = text;
}

/** A session: of two frames that have none, one makes it for both. */
async function begin(api) {
  api.session.look();
  const session = await api.request('/session', { body: api.session.wish() });
  api.session.take(session);
  return session;
}

/** A session and the newest page of its conversation; tried until there is an answer. */
async function conversation(api) {
  for (let failures = 0; ; ) {
    try {
      const session = await alone(`${api.root}/session`, () => begin(api));
      if (session.session && session.session !== api.session.token) continue; // another frame's was first
      const page = session.cursor ? await api.page() : { items: [], more: false, cursor: 0 };
      say('');
      return { ...page, name: session.name };
    } catch (error) {
      if (!error.temporary) throw error;
      failures += 1;
      if (failures > 1) say(t.connection_lost);
      await pause(backoff(failures, error.after));
    }
  }
}

function introduce(said) {
  const name = Array.from(String(said ?? '')).slice(0, 100).join('');
  const field = document.getElementById('name');
  if (!name || !field || field.value) return;
  field.value = name;
  document.getElementById('you-are').textContent = t.you_are.replace('{name}', () => name);
  document.getElementById('who').classList.add('named');
  document.getElementById('who').open = false;
}

function refused(error) {
  document.body.classList.add('refused');
  document.getElementById('error').textContent = '';
  document.getElementById('log').append(h('p', { class: 'mark', role: 'alert' }, t[error.code] ?? t.connection_lost));
  tell('refused', { code: error.code });
}

async function start() {
  listen(() => {});
  tell('ready');
  const identity = await greeted;
  // What one customer left here is not the next one's.
  const whose = identity ? `${String(identity.who).slice(0, 64)}:` : '';
  const own = memory('localStorage', `openline:${config.base}frame:${whose}`);
  around.session = new Bearer(own, identity);
  around.visitor = identity;
  unread = new Unread(own, () => state.open && !document.hidden, (news) => {
    tell('unread', news);
    if (news.fresh && wanted()) sound().then((one) => one.play());
  });
  around.shown = (items) => unread.shown(items);
  // Who has to agree first gets a session with their first message.
  const first = Boolean(config.consent_first) && !identity && !around.session.token;
  hold(first);
  const found = first ? NOTHING : await conversation(new Api(config.base, () => {}, around.session)).catch(refused);
  if (!found) return;
  introduce(found.name || identity?.name);
  if (found.more) document.getElementById('empty').before(h('p', { class: 'older' }, h('a', { id: 'older' })));
  document.body.dataset.config = JSON.stringify({ ...config, ...found, consent_first: first, keep: `${config.base}${whose}` });
  await import(`./chat.js${new URL(import.meta.url).search}`);
  if (state.focus && document.activeElement === document.body) focus(); // else somebody writes already
}

start();
