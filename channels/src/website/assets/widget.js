// Puts the chat on somebody's page: a launcher, and once it is pressed the chat in a frame. See docs/widget.md.
// The server fills in the configuration; nothing is asked for before the chat is opened.
(() => {
  const config = __OPENLINE__;
  const script = document.currentScript;
  const home = new URL('.', script?.src || config.home);
  const data = script?.dataset ?? {};
  const queue = window.openline?.q ?? [];
  if (window.Openline) return console.warn('openline: there is a chat on this page already');
  if (![home.origin, ...config.origins].includes(location.origin)) {
    return console.error(`openline: ${location.origin} is not allowed to embed this chat; add it to ${config.key}`);
  }

  const known = (tag) => tag && config.texts[tag.split('-')[0].toLowerCase()];
  const [toOpen, toClose, newOnes, named] = [data.lang, config.lang, ...navigator.languages, 'en'].map(known).find(Boolean);
  const phone = matchMedia('(max-width: 480px)');
  const view = window.visualViewport;
  const page = document.documentElement;
  const listeners = [];
  const state = { open: false, unread: 0, identity: null, page: {}, ready: false, quiet: false };
  let frame = null;
  let behind = null; // the page behind the sheet, as it was

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElementNS(`http://www.w3.org/${/^(svg|path)$/.test(tag) ? '2000/svg' : '1999/xhtml'}`, tag);
    for (const name in attributes) element.setAttribute(name, attributes[name]);
    element.append(...children);
    return element;
  };
  const icon = (name, d) => make('svg', { class: name, viewBox: '0 0 24 24', 'aria-hidden': 'true' }, make('path', { d }));

  // The page's styles don't reach into the shadow, and none of this needs its policy's leave.
  const chat = make('openline-chat');
  const root = chat.attachShadow({ mode: 'open' });
  const title = config.title || named;
  const panel = make('div', { class: 'panel', role: 'dialog', 'aria-label': title });
  const badge = make('span', { class: 'badge', 'aria-hidden': 'true' });
  const news = make('span', { class: 'vh', role: 'status' });
  const button = make('button', { type: 'button', 'aria-expanded': 'false' },
    icon('chat', 'M4 5h16v11H9.5L5 20v-4H4z'), icon('close', 'M6 6l12 12M18 6 6 18'), ...(config.launcher ? [make('span', { class: 'label' }, config.launcher)] : []), badge);
  root.append(make('div', { class: `box ${data.position || config.position}` }, panel, button, news));
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(config.css);
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.prepend(make('style', {}, config.css)); // a browser from before 2023
  }

  /** Whether there is a conversation, in the page's own storage; some visitors forbid it. */
  const talked = (talk) => {
    try {
      const key = `openline:${home.pathname}`;
      if (talk === undefined) return localStorage.getItem(key);
      return talk ? localStorage.setItem(key, 1) : localStorage.removeItem(key);
    } catch { return null; }
  };
  const emit = (event) => listeners.filter(([name]) => name === event).forEach(([, heard]) => {
    try { heard({ unread: state.unread }); } catch (error) { console.error(error); }
  });
  const tell = (openline, more) => state.ready && frame.contentWindow.postMessage({ openline, ...more }, home.origin);

  function draw() {
    const label = state.open ? toClose : toOpen;
    badge.textContent = state.unread > 99 ? '99+' : state.unread || '';
    const told = state.unread ? newOnes.replace('{count}', state.unread) : '';
    if (news.textContent !== told) news.textContent = told;
    button.setAttribute('aria-label', [config.launcher, label, told].filter(Boolean).join(', '));
    button.setAttribute('aria-expanded', String(state.open));
    chat.classList.toggle('open', state.open);
    root.firstElementChild.classList.toggle('open', state.open);
    fit();
  }

  /** On phones the chat is a sheet: the page behind it keeps still and can't be reached, and the keyboard shrinks it. */
  function fit() {
    const sheet = state.open && phone.matches;
    if (sheet === !behind) {
      behind ??= { overflow: page.style.overflow, parts: [...document.body.children].filter((one) => one !== chat && !one.inert) };
      page.style.overflow = sheet ? 'hidden' : behind.overflow;
      for (const one of behind.parts) one.inert = sheet;
      if (!sheet) behind = null;
      panel.setAttribute('aria-modal', sheet);
    }
    const seen = sheet && view?.scale === 1;
    panel.style.height = seen ? `${view.height}px` : '';
    panel.style.top = seen ? `${view.offsetTop}px` : '';
  }

  function load(anew) {
    if (frame && !anew) return;
    if (frame) state.quiet = !inside();
    frame?.remove();
    state.ready = false;
    const query = new URLSearchParams({ origin: location.origin, ...(data.lang && { lang: data.lang }) });
    frame = make('iframe', { title, allow: 'autoplay', src: new URL(`frame?${query}`, home) });
    panel.append(frame);
  }

  /** Whom a token names, to tell customers apart; nothing is believed because of it. */
  function named(token) {
    try {
      return JSON.parse(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))).sub;
    } catch {
      return token;
    }
  }

  /** Whether the chat has the focus, or nothing else can have it. */
  const inside = () => behind || document.activeElement === chat;

  function about() {
    return { url: location.href, referrer: document.referrer, title: document.title, data: state.page };
  }

  const heard = {
    ready() {
      state.ready = true;
      const focus = state.open && !state.quiet;
      tell('hello', { identity: state.identity, open: state.open, focus, page: about() });
      panel.classList.add('ready');
      if (focus) frame.focus();
    },
    unread({ count, fresh, talk }) {
      const before = state.unread;
      state.unread = Number(count) || 0;
      talked(Boolean(talk));
      draw();
      if (state.unread !== before) emit('unread');
      if (fresh) emit('message');
    },
    close: () => api.close(),
    refused: ({ code }) => console.error(`openline: the chat refused this visitor (${code}); see "Signed identity" in docs/widget.md`),
  };
  addEventListener('message', ({ source, origin, data: message }) => {
    if (!frame || source !== frame.contentWindow || origin !== home.origin) return;
    if (Object.hasOwn(heard, message?.openline)) heard[message.openline](message);
  });

  const api = {
    open() {
      if (state.open) return;
      state.open = true;
      chat.hidden = false;
      load();
      draw();
      tell('open');
      if (!state.quiet) frame.focus();
      emit('open');
    },
    close() {
      if (!state.open) return;
      const within = inside();
      state.open = state.quiet = false;
      draw();
      tell('closed');
      if (within) button.focus();
      emit('close');
    },
    toggle: () => (state.open ? api.close() : api.open()),
    hide() { api.close(); chat.hidden = true; },
    show() { chat.hidden = false; },
    /** Who the visitor is, as the page's server has signed it; null when they sign out. */
    identify(identity) {
      const before = state.identity?.who;
      const token = String(identity?.token ?? ''); // an empty one is refused
      state.identity = identity ? { ...identity, token, who: named(token) } : null;
      if (frame && before !== state.identity?.who) load(true);
      else api.page(); // a newer token of the same customer
    },
    page(more) {
      Object.assign(state.page, more);
      tell('page', { identity: state.identity, page: about() });
    },
    on: (event, listener) => void listeners.push([event, listener]),
    get unread() { return state.unread; },
  };
  window.Openline = api;
  window.openline = (name, ...values) => (Object.hasOwn(api, name) ? api[name](...values) : console.error(`openline: there is no ${name}`));

  button.addEventListener('click', api.toggle);
  addEventListener('keydown', ({ key }) => key === 'Escape' && inside() && api.close(), true);
  phone.addEventListener('change', fit);
  view?.addEventListener('resize', fit);
  view?.addEventListener('scroll', fit);
  const who = Object.entries(data).filter(([name, value]) => value && /^identity./.test(name));
  if (who.length) api.identify(Object.fromEntries(who.map(([name, value]) => [name.slice(8).toLowerCase(), value])));

  function start() {
    document.body.append(chat);
    draw();
    for (const call of queue) window.openline(...call);
    if ('open' in data && data.open !== 'false') {
      state.quiet = !state.open && !phone.matches; // nobody asked for it
      api.open();
    } else if (talked()) (window.requestIdleCallback ?? setTimeout)(() => load());
  }
  if (document.body) start();
  else addEventListener('DOMContentLoaded', start);
})();
