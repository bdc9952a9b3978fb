// What stands before and around the conversation: open or closed, greeting, form, consent, the page's own data.

import { around } from './around.js';
import { isEmail, isPhone, typed } from './contact.js';
import { hold, memory } from './memory.js';

const REFRESH = 300000;
const LATEST = 2 ** 31 - 1; // what timers can wait

/** Tells about the page around the chat: {url, referrer, title, data, utm}. */
export function setPage(data) {
  around.page = data;
}

/** A page's address without its fragment, by which nobody goes elsewhere. */
const address = (url) => String(url).split('#')[0];

/** What the address says of the campaign by which somebody came. */
function campaign(url) {
  try {
    const found = [...new URL(url).searchParams].filter(([key]) => key.startsWith('utm_'));
    return Object.fromEntries(found.map(([key, value]) => [key.slice(4), value]));
  } catch { return {}; }
}

export class Before {
  /** `changed()` when the server tells something new. */
  constructor(config, api, changed) {
    Object.assign(this, { config, api, changed, t: config.texts, info: config.info, known: false });
    for (const id of ['composer', 'name', 'who', 'before', 'status', 'closed', 'welcome', 'elsewhere']) this[id] = document.getElementById(id);
    this.rows = [...this.before.querySelectorAll('[data-field]')];
    this.consent = document.getElementById('field-consent');
    this.kept = memory('sessionStorage', `openline:${config.keep ?? config.base}before:`);
    for (const key of ['email', 'phone']) this.input(key).value ||= around.visitor?.[key] ?? '';
    this.agreed = new Promise((resolve) => { this.agree = () => { hold(false); resolve(); }; });
    hold(Boolean(config.consent_first));
    if (!config.consent_first) this.agree();
    this.composer.addEventListener('submit', (event) => this.check() || event.stopImmediatePropagation() || event.preventDefault());
    this.composer.addEventListener('input', ({ target }) => this.say(target, ''));
    this.apply(this.info);
    if (config.frame && !config.fresh) this.refresh(); // the page was made for somebody new
  }

  async refresh() {
    const info = await this.api.request(`/info?lang=${this.config.lang}`).catch(() => null);
    if (info) this.apply(info);
    this.changed();
    if (!info) this.plan(REFRESH);
  }

  plan(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (document.hidden ? this.plan(REFRESH) : this.refresh()), Math.min(wait, REFRESH, LATEST));
  }

  /** Shows what the server tells. */
  apply(info) {
    this.info = info;
    const { t } = this;
    this.status.hidden = !info.hours;
    this.status.classList.toggle('away', !info.open);
    this.set(this.status, info.open ? t.status_open : this.opens());
    this.closed.hidden = info.open;
    this.set(document.getElementById('closed-text'), info.closed_text ?? '');
    this.welcome.hidden = !info.welcome;
    document.getElementById('empty-text').hidden = Boolean(info.welcome) || !info.open;
    this.set(this.welcome.querySelector('.text'), info.welcome ?? '');
    this.lead();
    this.form();
    this.plan(info.opens_at ? info.opens_at - Date.now() + 1000 : REFRESH);
  }

  set(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  /** When it opens again, by the visitor's clock. */
  opens() {
    if (!this.info.opens_at) return this.t.status_closed;
    const at = new Date(this.info.opens_at);
    const soon = at - Date.now() < 6 * 86400000;
    const style = soon ? { weekday: 'long', hour: 'numeric', minute: '2-digit' } : { dateStyle: 'medium', timeStyle: 'short' };
    return this.t.status_opens.replace('{time}', () => new Intl.DateTimeFormat(this.config.lang, style).format(at));
  }

  lead() {
    this.elsewhere.hidden = !this.info.elsewhere.length;
    this.elsewhere.replaceChildren(...this.info.elsewhere.filter(({ url }) => /^(https?|tg):/.test(url)).map(({ name, url }) => {
      const link = Object.assign(document.createElement('a'), { href: url, target: '_blank', rel: 'noopener noreferrer' });
      link.textContent = this.t.elsewhere.replace('{name}', () => name);
      return link;
    }));
  }

  asked(key) {
    return this.info.form.find((field) => field.key === key);
  }

  label(field) {
    const oneOf = this.info.contact && ['email', 'phone'].includes(field.kind);
    return field.required || oneOf ? field.label : this.t.field_optional.replace('{label}', () => field.label);
  }

  form() {
    const { form, consent, contact } = this.info;
    for (const row of this.rows) {
      const field = this.asked(row.dataset.field);
      row.hidden = !field;
      if (field) this.set(row.querySelector('label'), this.label(field));
      if (field) row.querySelector('input, select, textarea').required = field.required;
    }
    const name = this.asked('name');
    this.set(document.getElementById('name-label'), name ? this.label(name) : this.t.name_label);
    this.name.required = Boolean(name?.required);
    document.getElementById('contact-hint').hidden = !contact;
    document.getElementById('agree').hidden = !consent;
    this.consent.required = Boolean(consent);
    if (consent) this.set(document.getElementById('consent-text'), consent.text);
    const shown = Boolean(consent) || form.some((field) => field.key !== 'name');
    this.before.hidden = !shown;
    this.before.disabled = !shown;
    this.who.hidden = !(name || this.config.ask_name || this.who.classList.contains('named'));
  }

  input(key) {
    return key === 'name' ? this.name : document.getElementById(`field-${key}`);
  }

  /** Says what is wrong with a field, by a code; nothing when it is right. */
  say(input, code, limit = 300) {
    const line = input.getAttribute('aria-describedby')?.split(' ').map((id) => document.getElementById(id)).find((one) => one?.classList.contains('fault'));
    if (!line) return;
    this.set(line, code ? (this.t[`error_${code}`] ?? this.t.error_other).replace('{limit}', limit) : '');
    if (code) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  }

  /** Whether everything that is asked is there; else says what is not, and goes to the first of it. */
  check() {
    const faults = new Map(this.info.form.map((field) => [field.key, this.fault(field)]).filter(([, code]) => code));
    const reachable = ['email', 'phone'].some((key) => typed(this.input(key)) || faults.has(key));
    if (this.info.contact && !reachable) faults.set('email', 'contact_missing');
    if (this.info.consent && !this.consent.checked) faults.set('consent', 'consent_needed');
    this.mark(faults);
    if (!faults.size) this.keep();
    return !faults.size;
  }

  mark(faults) {
    for (const key of ['name', ...this.rows.map((row) => row.dataset.field), 'consent']) this.say(this.input(key), faults.get(key), key === 'name' ? 100 : 300);
    const first = ['name', ...this.rows.map((row) => row.dataset.field), 'consent'].find((key) => faults.has(key));
    if (first === 'name') this.who.open = true;
    if (first) this.input(first).focus();
  }

  fault(field) {
    const value = typed(this.input(field.key));
    if (!value) return field.required ? 'value_missing' : '';
    if (field.kind === 'email') return isEmail(value) ? '' : 'email_invalid';
    if (field.kind === 'phone') return isPhone(value) ? '' : 'phone_invalid';
    const limit = field.key === 'name' ? 100 : 300;
    if (Array.from(value).length > limit) return field.key === 'name' ? 'name_too_long' : 'value_too_long';
    return '';
  }

  /** Keeps what was filled in, to go along with the next message. */
  keep() {
    // What the page around knows counts as typed, where nobody is asked for it too; then nobody could correct it either.
    const known = (key) => around.visitor && key !== 'name' && !this.fault({ key, kind: key });
    const value = (key) => (this.asked(key) || known(key) ? typed(this.input(key)) : undefined) || undefined;
    if (!this.info.form.length && !this.info.consent && !value('email') && !value('phone')) return;
    const own = this.info.form.filter(({ key }) => !['name', 'email', 'phone'].includes(key));
    const fields = Object.fromEntries(own.map(({ key }) => [key, value(key)]).filter(([, one]) => one));
    const consent = Boolean(this.info.consent);
    this.profile = { name: value('name'), email: value('email'), phone: value('phone'), fields, consent, language: this.config.lang };
    if (consent) this.opening();
    else this.agree();
  }

  /** They agreed: a session may be made, and something be kept. */
  opening() {
    this.api.opening = { ...this.api.opening, consent: true };
    this.agree();
  }

  /** Puts what a waiting message brings along back into the form, where nothing else was written. */
  fill(profile) {
    if (!profile) return;
    for (const [key, value] of Object.entries({ ...profile.fields, name: profile.name, email: profile.email, phone: profile.phone })) {
      const input = this.input(key);
      if (input && value) input.value ||= value;
    }
    this.consent.checked ||= profile.consent;
    if (profile.consent) this.opening();
  }

  /** What goes along with a message; what there is nothing new of is left out. The page is new when it is another one
      than the last that was told. */
  extras() {
    const known = this.kept.get('told') === address(this.page().url);
    return { ...(this.profile && { profile: this.profile }), ...(!known && { about: this.about() }) };
  }

  /** The visit and its page; the same visit for as long as the tab lives. Later pages are told under names of their own. */
  about() {
    const visit = this.kept.get('visit') ?? Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(16).padStart(2, '0')).join('');
    this.kept.set('visit', visit);
    const { url, referrer, title, data, utm } = this.page();
    const pages = this.kept.get('pages') ?? 0; // how many were told
    if (pages) return { visit: `${visit}-${pages}`, url, title, data };
    return { visit, url, referrer: referrer || undefined, title, utm: utm ?? campaign(url), data };
  }

  page() {
    const { url = location.href, referrer = document.referrer, ...more } = around.page ?? {};
    return { url, referrer, ...more };
  }

  /** A message was accepted, and what went along with it. */
  sent(profile, about) {
    if (about) {
      this.kept.set('told', address(about.url));
      this.kept.set('pages', (Number(about.visit.split('-')[1]) || 0) + 1);
    }
    if (!profile) return;
    this.profile = undefined;
    around.visitor = null;
    this.apply({ ...this.info, form: [], contact: false, consent: undefined });
  }

  /** The server did not take it: it knows better what is wrong. */
  refused(error) {
    if (!['profile_invalid', 'consent_needed'].includes(error?.code)) return;
    this.profile = undefined;
    const faults = error.code === 'consent_needed' ? { consent: 'consent_needed' } : error.fields;
    this.refresh().then(() => this.mark(new Map(Object.entries(faults))));
  }

  /** Once there is a conversation, ways to go on elsewhere may be offered; and what the line has said itself, that nobody
      is there, is not said once more. */
  around(items) {
    const said = items.slice(-6).some(({ from, text }) => from === 'system' && text?.trim() === this.info.closed_text?.trim());
    this.closed.hidden = this.info.open || said;
    if (this.known || !items.some((item) => item.from === 'visitor')) return;
    this.known = true;
    if (!this.config.items.length) this.plan(1000);
  }
}
