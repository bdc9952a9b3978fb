// Runs in the frame before anything else, inline (the policy names its hash): a message that is written before the
// page's script is there waits for it, and a script that did not come is fetched again.
(() => {
  const early = window.openlineEarly = { texts: [], ready: false, again, broken };
  const tell = (openline) => parent.postMessage({ openline }, new URLSearchParams(location.search).get('origin') || location.origin);
  const find = (id) => document.getElementById(id);
  const config = () => JSON.parse(document.body.dataset.config);
  let tries = 0;

  const make = (tag, name, text = '') => Object.assign(document.createElement(tag), { className: name, textContent: text });

  /** Keeps a message, and shows it as one that is on its way. */
  function take() {
    const field = find('text');
    const text = field.value.trim();
    if (!text || !find('composer').reportValidity()) return;
    const [item, bubble, meta] = [make('li', 'msg visitor'), make('div', 'bubble'), make('p', 'meta')];
    meta.append(make('span', 'state sending'));
    bubble.append(make('div', 'text', text), meta);
    item.append(bubble);
    find('items').append(item);
    find('empty').hidden = true;
    early.texts.push(text);
    field.value = '';
  }

  function say(key) {
    if (early.ready || !document.body) return;
    find('connection').textContent = config().texts[key];
  }

  /** The script did not come. A browser does not ask for the same address again. */
  function again() {
    tries += 1;
    say('connection_lost');
    const { src } = document.querySelector('script[src]');
    setTimeout(() => import(`${src}&again=${tries}`).catch(again), Math.min(15000, 500 * 2 ** tries));
  }

  /** The script is there and does not run. */
  function broken() {
    if (early.ready) return;
    const { texts, base } = config();
    say('unsupported');
    find('connection').append(' ', Object.assign(make('a', '', texts.own_window), { href: base, target: '_blank', rel: 'noopener' }));
  }

  addEventListener('submit', (event) => {
    if (early.ready) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.target.id === 'composer') take();
  }, true);
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !event.isComposing) setTimeout(() => event.defaultPrevented || tell('close'));
    const more = event.shiftKey || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.keyCode === 229;
    if (early.ready || event.key !== 'Enter' || more || event.target.id !== 'text' || matchMedia('(hover: none) and (pointer: coarse)').matches) return;
    event.preventDefault();
    take();
  }, true);
  addEventListener('click', ({ target }) => target.closest?.('#close') && tell('close'));
  addEventListener('error', ({ target }) => { if (target === window) broken(); else if (target.localName === 'script') again(); }, true);
  setTimeout(say, 8000, 'connection_lost');
  tell('here');
})();
