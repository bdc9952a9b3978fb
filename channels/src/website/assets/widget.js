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
  const [toOpen, toClose, newOnes, isAway, again, title, label] = [data.lang, config.lang, ...navigator.languages, 'en'].map(known).find(Boolean);
  const phone = matchMedia('(max-width: 480px), (max-height: 480px)');
  const view = window.visualViewport;
  const page = document.documentElement;
  const bare = data.launcher === 'false';
  const listeners = [];
  const state = { open: false, unread: 0, identity: null, prefill: null, page: {}, ready: false, started: false, quiet: false, pointer: false, failures: 0 };
  let [frame, timer, behind, back] = [null]; // behind: the page behind the sheet, as it was; back: where the focus came from
  let [titled, ownTitle, place] = [null, '', location.href];

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElementNS(`http://www.w3.org/${/^(svg|path)$/.test(tag) ? '2000/svg' : '1999/xhtml'}`, tag);
    for (const name in attributes) element.setAttribute(name, attributes[name]);
    element.append(...children);
    return element;
  };
  const icon = (name, d) => make('svg', { class: name, viewBox: '0 0 24 24', 'aria-hidden': 'true' }, make('path', { d }));
  const press = (name, text, pressed, ...children) => {
    const one = make('button', { type: 'button', class: name, 'aria-label': text }, ...children);
    one.addEventListener('click', pressed);
    return one;
  };

  // The page's styles don't reach into the shadow, and none of this needs its policy's leave.
  const chat = make('openline-chat');
  const root = chat.attachShadow({ mode: 'open' });
  const cross = () => icon('close', 'M6 6l12 12M18 6 6 18');
  const badge = make('span', { class: 'badge', 'aria-hidden': 'true' });
  const news = make('span', { class: 'vh', role: 'status' });
  const button = press('launcher', toOpen, ({ detail }) => api.toggle(detail > 0), icon('chat', 'M4 5h16v11H9.5L5 20v-4H4z'), cross(), ...(label ? [make('span', { class: 'label' }, label)] : []), badge);
  const note = make('p', { role: 'status' });
  const remedy = make('p', {}, press('again', again, () => load(true), again), make('a', { href: home, target: '_blank', rel: 'noopener' }, home.host));
  const wait = make('div', { class: 'wait' }, make('div', { class: 'head' }, make('b', {}, title), press('x', toClose, () => api.close(), cross())),
    make('div', { class: 'lines' }, make('i'), make('i'), make('i')), make('div', { class: 'note' }, note, remedy), make('div', { class: 'field' }));
  const panel = make('div', { class: 'panel', role: 'dialog', 'aria-label': title }, wait);
  const box = make('div', { class: `box ${data.position || config.position}${bare ? ' bare' : ''}` }, panel, button, news);
  root.append(box);
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(config.css);
    root.adoptedStyleSheets = [sheet];
  } catch { // a browser from before 2023; a page's policy that forbids styles forbids this one too, unless it names our address
    box.hidden = true;
    const link = make('link', { rel: 'stylesheet', href: new URL('widget.css', home) });
    link.addEventListener('load', () => { box.hidden = false; });
    root.prepend(link);
  }

  /** Whether there is a conversation, in the page's own storage; some visitors forbid it. */
  const talked = (talk) => {
    try {
      const key = `openline:${home.pathname}`;
      if (talk === undefined) return localStorage.getItem(key);
      return talk ? localStorage.setItem(key, 1) : localStorage.removeItem(key);
    } catch { return null; }
  };
  const call = (listener, details) => {
    try { listener({ unread: state.unread, ...details }); } catch (error) { console.error(error); }
  };
  const emit = (event, details) => listeners.filter(([name]) => name === event).forEach(([, listener]) => call(listener, details));
  const tell = (openline, more) => state.ready && frame.contentWindow.postMessage({ openline, ...more }, home.origin);

  function draw() {
    badge.textContent = state.unread > 99 ? '99+' : state.unread || '';
    const told = state.unread ? newOnes.replace('{count}', state.unread) : '';
    if (news.textContent !== told) news.textContent = told;
    button.setAttribute('aria-label', [label, state.open ? toClose : toOpen, told].filter(Boolean).join(', '));
    button.setAttribute('aria-expanded', String(state.open));
    chat.classList.toggle('open', state.open);
    box.classList.toggle('open', state.open);
    peek(0);
    count();
    fit();
  }

  /** How many are unread, before the page's own title. */
  function count() {
    if (document.title !== titled) ownTitle = document.title; // the page has changed it
    titled = `${state.unread && !chat.hidden && config.count ? `(${state.unread}) ` : ''}${ownTitle}`;
    if (document.title !== titled) document.title = titled;
  }

  /** The frame beside the launcher, so small that only a new message's first words are in it. */
  function peek(height) {
    const shown = height > 0 && !state.open && !chat.hidden;
    box.classList.toggle('peek', shown);
    panel.setAttribute('role', shown ? 'group' : 'dialog');
    if (shown) panel.removeAttribute('aria-modal');
    else panel.setAttribute('aria-modal', 'false');
    panel.style.setProperty('--peek', `${Math.min(height, 240)}px`);
  }

  /** On phones the chat is a sheet: the page behind it keeps still and can't be reached, and the keyboard shrinks it. */
  function fit() {
    const sheet = state.open && phone.matches;
    if (behind && (!sheet || behind.body !== document.body)) {
      unreach(behind.body, behind.inert);
      page.style.overflow = behind.overflow;
      behind = null;
    }
    if (sheet && !behind) {
      behind = { overflow: page.style.overflow, body: document.body, inert: document.body.inert };
      page.style.overflow = 'hidden';
      unreach(document.body, true);
    }
    if (state.open) panel.setAttribute('aria-modal', sheet);
    const seen = sheet && view?.scale === 1;
    panel.style.height = seen ? `${view.height}px` : '';
    panel.style.top = seen ? `${view.offsetTop}px` : '';
  }

  function unreach(body, on) {
    body.inert = on;
    if ('inert' in HTMLElement.prototype) return;
    if (on) body.setAttribute('aria-hidden', true); // a browser from before 2023; see focusin below
    else body.removeAttribute('aria-hidden');
  }

  function load(anew) {
    if (frame && !anew) return;
    if (frame) state.quiet = !inside();
    frame?.remove();
    state.ready = false;
    panel.classList.remove('here');
    const query = new URLSearchParams({ origin: location.origin, ...(data.lang && { lang: data.lang }) });
    const one = make('iframe', { title, allow: 'autoplay', src: new URL(`frame?${query}`, home) });
    one.addEventListener('load', () => setTimeout(missed, 500, one, 1000 * 2 ** Math.min(state.failures, 4)));
    clearTimeout(timer);
    timer = setTimeout(missed, 8000, one, 20000);
    frame = one;
    panel.append(frame);
  }

  /** The frame says nothing: its page did not come. It is asked for again after a while, and whenever the visitor wants. */
  function missed(which, rest) {
    if (which !== frame || panel.classList.contains('here')) return;
    state.failures += 1;
    note.textContent = isAway;
    panel.classList.add('away');
    clearTimeout(timer);
    timer = setTimeout(load, rest, true);
  }

  /** Whom a token names, to tell customers apart; nothing is believed because of it. */
  function customer(token) {
    try {
      return JSON.parse(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))).sub;
    } catch {
      return token;
    }
  }

  /** Whether the chat has the focus, or nothing else can have it. */
  const inside = () => behind || document.activeElement === chat;

  function about() {
    return { url: location.href, referrer: document.referrer, title: ownTitle, data: state.page };
  }

  /** The page may go on to another address without being loaded anew. */
  function moved() {
    count();
    if (place === location.href) return;
    place = location.href;
    tell('page', { identity: state.identity, page: about() });
  }

  /** Nothing is seen any more; the frame says when its session is over. */
  function leave() {
    panel.classList.remove('here');
    tell('leave');
  }

  const heard = {
    __proto__: null,
    here() {
      clearTimeout(timer);
      state.failures = 0;
      note.textContent = '';
      panel.classList.remove('away');
      panel.classList.add('here');
    },
    ready() {
      heard.here();
      state.ready = true;
      if (state.leaving) return tell('leave');
      const focus = state.open && !state.quiet;
      tell('hello', { identity: state.identity, prefill: state.prefill, open: state.open, focus, pointer: state.pointer, page: about() });
      if (focus) frame.focus();
    },
    unread({ count: unread, fresh, talk }) {
      const before = state.unread;
      state.unread = Number(unread) || 0;
      talked(Boolean(talk));
      if (before !== state.unread) draw();
      if (before !== state.unread) emit('unread');
      if (fresh) emit('received');
    },
    event({ name, details }) {
      if (['started', 'sent', 'rated'].includes(name)) emit(name, details);
    },
    left() {
      state.leaving = false;
      load(true);
    },
    peek: ({ height }) => peek(Number(height) || 0),
    open: () => api.open(true),
    close: () => api.close(),
    refused: ({ code }) => console.error(`openline: the chat refused this visitor (${code}); see "Signed identity" in docs/widget.md`),
  };
  addEventListener('message', ({ source, origin, data: message }) => {
    if (!frame || source !== frame.contentWindow || origin !== home.origin) return;
    heard[message?.openline]?.(message);
  });

  const api = {
    open(pointer) {
      if (state.open) return;
      back = document.activeElement;
      Object.assign(state, { open: true, pointer: pointer === true });
      chat.hidden = false;
      load();
      draw();
      tell('opened', { focus: !state.quiet, pointer: state.pointer });
      if (!state.quiet) (panel.classList.contains('here') ? frame : wait.querySelector('button')).focus({ preventScroll: true });
      emit('opened');
    },
    close() {
      if (!state.open) return;
      const within = inside();
      state.open = state.quiet = false;
      draw();
      tell('closed');
      if (within) (bare ? back : button)?.focus({ preventScroll: true });
      emit('closed');
    },
    toggle: (pointer) => (state.open ? api.close() : api.open(pointer)),
    hide() { api.close(); chat.hidden = true; draw(); },
    show() { chat.hidden = false; draw(); },
    /** Who the visitor is, as the page's server has signed it; null when they sign out. */
    identify(identity) {
      const before = state.identity?.who;
      const token = String(identity?.token ?? ''); // an empty one is refused
      state.identity = identity ? { ...identity, token, who: customer(token) } : null;
      if (before && !identity && state.ready) leave();
      else if (frame && before !== state.identity?.who) load(true);
      else api.page(); // a newer token of the same customer
    },
    /** The visitor leaves this computer: their session is over, and nothing of it stays in the browser. */
    shutdown() {
      api.close();
      Object.assign(state, { identity: null, prefill: null, unread: 0, leaving: true });
      talked(false);
      draw();
      load();
      leave();
    },
    page(more) {
      Object.assign(state.page, more);
      tell('page', { identity: state.identity, page: about() });
    },
    /** What shall stand in the fields; what the visitor wrote stays. */
    prefill(values) {
      state.prefill = values;
      tell('prefill', { prefill: values });
    },
    /** Further from the corner, in pixels: for bars and buttons of the page's own. */
    offset({ x, y } = {}) {
      for (const [name, value] of [['--x', x], ['--y', y]]) box.style.setProperty(name, `${Number(value) || 0}px`);
    },
    /** Answers a function that ends it. */
    on(event, listener) {
      const one = [event, listener];
      listeners.push(one);
      if (event === 'ready' && state.started) call(listener);
      return () => void listeners.splice(listeners.indexOf(one), listeners.includes(one) ? 1 : 0);
    },
    get unread() { return state.unread; },
  };
  window.Openline = api;
  window.openline = (name, ...values) => (Object.keys(api).includes(name) ? api[name](...values) : console.error(`openline: there is no ${name}`));

  button.addEventListener('pointerdown', () => load());
  addEventListener('keydown', ({ key }) => key === 'Escape' && inside() && api.close(), true);
  addEventListener('focusin', ({ target }) => behind && target !== chat && !('inert' in HTMLElement.prototype) && frame.focus());
  addEventListener('online', () => panel.classList.contains('away') && load(true));
  phone.addEventListener('change', fit);
  view?.addEventListener('resize', fit);
  view?.addEventListener('scroll', fit);
  api.offset({ x: data.offsetX, y: data.offsetY });
  const who = Object.entries(data).filter(([name, value]) => value && /^identity./.test(name));
  if (who.length) api.identify(Object.fromEntries(who.map(([name, value]) => [name.slice(8).toLowerCase(), value])));

  /** Beside the body, where the frame lives on when the page's framework replaces that. */
  function attach() {
    if (!chat.isConnected) {
      state.ready = false; // a frame that is put back loads anew
      page.append(chat);
    }
    fit();
  }

  function start() {
    attach();
    new MutationObserver(attach).observe(page, { childList: true });
    draw();
    setInterval(moved, 1000);
    state.started = true;
    for (const call of queue) window.openline(...call);
    emit('ready');
    if ('open' in data && data.open !== 'false') {
      state.quiet = !state.open && !phone.matches; // nobody asked for it
      api.open();
    } else if (talked()) (window.requestIdleCallback ?? setTimeout)(() => load());
  }
  if (document.body) start();
  else addEventListener('DOMContentLoaded', start);
})();
