// The calls of docs/website-api.md. Every failure is an ApiError; status 0 means that no good answer came.

import { lazy } from './lazy.js';

const JSON_TYPE = 'application/json';
const STREAM = 'text/event-stream';
const PATIENCE = 20; // seconds until an unanswered call counts as lost

export class ApiError extends Error {
  constructor(status, code = 'network', after = 0) {
    super(`${status} ${code}`);
    Object.assign(this, { status, code, after, fields: {} });
  }

  /** Whether the same call may succeed later. */
  get temporary() {
    return [0, 401, 408, 429].includes(this.status) || (this.status >= 500 && this.status !== 507);
  }
}

export class Api {
  /** `onRenew(page)` gets the newest page of the session that replaces a lost one, before any other call goes on;
      `session` is a bearer.js where there are no cookies. */
  constructor(base, onRenew, session = null) {
    this.root = `${base}api`;
    this.onRenew = onRenew;
    this.session = session;
    this.opening = {}; // what is told when a session is made
    this.renewal = null;
    this.lost = false;
  }

  updates(since, wait, signal) {
    return this.call(`/updates?since=${since}&wait=${wait}`, { signal, patience: PATIENCE + wait });
  }

  /** The open answer of a stream of news. */
  stream(since, signal) {
    return this.call(`/stream?since=${since}`, { signal, accept: STREAM });
  }

  page(before) {
    return this.call(`/messages?limit=50${before === undefined ? '' : `&before=${before}`}`);
  }

  send(message) {
    return this.call('/messages', { body: message });
  }

  upload(message, files, signal, progress) {
    return this.guard(async () => {
      const { upload } = await lazy('upload.js').catch(() => { throw new ApiError(0); });
      return upload(`${this.root}/messages`, message, files, { signal, progress, headers: this.session?.headers(), ApiError });
    });
  }

  retry(id) {
    return this.call(`/messages/${encodeURIComponent(id)}/retry`, { body: {} });
  }

  forget() {
    return this.call('/forget', { body: {} });
  }

  call(path, options = {}) {
    return this.guard(() => this.request(path, options));
  }

  /** One call; a lost session is renewed first and then reported, so that the caller tries again. */
  async guard(request) {
    if (this.session?.over) throw new ApiError(0); // nobody is there any more
    if (this.lost) await this.renew(); // an earlier renewal got stuck half way
    try {
      return await request();
    } catch (error) {
      if (error.status === 401) await this.renew();
      throw error;
    }
  }

  renew() {
    this.lost = true;
    this.renewal ??= alone(`${this.root}/session`, async () => {
      this.session?.look();
      const made = await this.request('/session', { body: { ...this.opening, ...this.session?.wish() } });
      this.session?.take(made);
      const anothers = this.session && made.session !== this.session.token; // another frame's was first
      this.onRenew(made.cursor || anothers ? await this.request('/messages?limit=50') : { items: [], more: false, cursor: 0 });
      this.lost = false;
    }).finally(() => { this.renewal = null; });
    return this.renewal;
  }

  async request(path, { body, signal, patience = PATIENCE, accept = JSON_TYPE } = {}) {
    if (signal?.aborted) throw new ApiError(0);
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), patience * 1000);
    signal?.addEventListener('abort', () => stop.abort());
    try {
      const options = init(body, stop.signal, { Accept: accept, ...this.session?.headers() });
      return await answer(await fetch(this.root + path, options), accept);
    } catch (error) {
      throw error instanceof ApiError ? error : new ApiError(0);
    } finally {
      clearTimeout(timer);
    }
  }
}

function init(body, signal, headers) {
  const common = { signal, cache: 'no-store', credentials: 'same-origin', headers };
  if (body === undefined) return common;
  common.headers['Content-Type'] = JSON_TYPE;
  return { ...common, method: 'POST', body: JSON.stringify(body) };
}

async function answer(response, accept) {
  if (response.ok && accept === STREAM) return response;
  if (response.ok) return response.json();
  const body = await response.json().catch(() => ({}));
  const after = Number(response.headers.get('Retry-After')) || 0;
  throw Object.assign(new ApiError(response.status, body.error?.code ?? 'unknown', Math.min(after, 60)), { fields: body.error?.fields ?? {} });
}

/** Runs `work` while no other tab does, where browsers can tell: two tabs must not make two sessions. */
export async function alone(name, work) {
  let begun = false;
  const once = () => { begun = true; return work(); };
  if (!navigator.locks) return once();
  return navigator.locks.request(name, once).catch((error) => { if (begun) throw error; return work(); }); // not allowed here
}
