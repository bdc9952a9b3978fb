// The visitor's messages on their way to the server: kept until acknowledged, posted strictly one after another.
// Files stay in this tab's memory: after a reload they have to be chosen again, and the message says so.

import { backoff, pause } from './wake.js';
import { memory } from './memory.js';

const TRIES = 12; // about two minutes
const STEP = 4; // per cent

export class Outbox {
  /** `on.changed()` when what it holds changed, `on.accepted(answer)` and `on.failed()` for what became of one,
      `on.extras()` what goes along with it: kept with the message, because the next tab knows nothing of it. */
  constructor(api, base, on) {
    Object.assign(this, { api, on, busy: false, held: new Map(), flight: null });
    this.shared = memory('localStorage', `openline:${base}out:`);
    this.own = memory('sessionStorage', `openline:${base}out:`); // those with files, which no other tab has
    const lost = this.own.all().map((message) => ({ ...message, state: 'failed', lost: true }));
    this.messages = [...this.shared.all(), ...lost].sort((a, b) => a.at - b.at);
  }

  /** Takes a message over; when that throws, nothing of it is kept here. */
  add(text, name, files = []) {
    const at = Math.max(Date.now(), (this.messages[this.messages.length - 1]?.at ?? 0) + 1);
    const message = { key: freshKey(), text, name, at, state: 'sending', ...this.on.extras() };
    if (files.length) {
      this.held.set(message.key, files);
      message.files = files.map(described);
      message.progress = 0;
    }
    try {
      this.put(message);
    } catch (error) {
      this.messages = this.messages.filter((one) => one !== message);
      this.lose(message.key);
      throw error;
    }
    this.pump();
  }

  /** Tries a failed one anew, with what is filled in now. */
  again(key) {
    const message = this.find(key);
    if (message?.state !== 'failed' || message.lost) return;
    this.put({ ...message, ...this.on.extras(), state: 'sending', reason: undefined });
    this.pump();
  }

  /** Forgets a message: the server has it, or the visitor gave it up. */
  drop(key) {
    this.find(key)?.files?.forEach((file) => file.url && URL.revokeObjectURL(file.url));
    this.lose(key);
    this.messages = this.messages.filter((one) => one.key !== key);
    if (this.flight?.key === key) this.flight.abort();
    this.on.changed();
  }

  lose(key) {
    this.shared.remove(key);
    this.own.remove(key);
    this.held.delete(key);
  }

  put(message) {
    const files = message.files?.map(({ name, size }) => ({ name, size }));
    (files ? this.own : this.shared).set(message.key, { ...message, files });
    this.replace(message);
  }

  replace(message) {
    this.messages = [...this.messages.filter((one) => one.key !== message.key), message].sort((a, b) => a.at - b.at);
    this.on.changed();
  }

  async pump() {
    if (this.busy) return;
    this.busy = true;
    for (let next = this.next(); next; next = this.next()) await this.deliver(next);
    this.busy = false;
  }

  next() {
    return this.messages.find((one) => one.state === 'sending');
  }

  async deliver(message) {
    try {
      const answer = await this.attempts(message);
      if (answer) this.on.accepted(answer);
      this.drop(message.key);
    } catch (error) {
      this.giveUp(message, error);
    }
  }

  /** Tries until an answer is final, or the message came back as news. Being offline is waited out, however long. */
  async attempts({ key, text, name }) {
    for (let failures = 0, tries = 0; ;) {
      try {
        const { profile, about } = this.find(key);
        return await this.post({ key, text, name, profile, about });
      } catch (error) {
        if (!this.has(key)) return null;
        failures += 1;
        tries += navigator.onLine ? 1 : 0;
        if (!error.temporary || tries >= TRIES) throw error;
        await pause(backoff(failures, error.after));
        if (!this.has(key)) return null;
      }
    }
  }

  post(message) {
    const files = this.held.get(message.key);
    if (!files) return this.api.send(message);
    this.flight = Object.assign(new AbortController(), { key: message.key });
    return this.api.upload(message, files, this.flight.signal, (part) => this.progressed(message.key, part));
  }

  progressed(key, part) {
    const progress = Math.floor((part * 100) / STEP) * STEP;
    const message = this.find(key);
    if (message && message.progress !== progress) this.replace({ ...message, progress });
  }

  find(key) {
    return this.messages.find((one) => one.key === key);
  }

  has(key) {
    return Boolean(this.find(key));
  }

  /** Without a connection those behind it fail too, so that none overtakes it. */
  giveUp(message, error) {
    if (!this.has(message.key)) return;
    const waiting = this.messages.filter((one) => one.state === 'sending');
    const lost = error.temporary ? waiting : waiting.filter((one) => one.key === message.key);
    for (const one of lost) this.put({ ...one, state: 'failed', reason: error.temporary ? undefined : error.code });
    this.on.failed(error);
  }
}

function described(file) {
  const image = /^image\/(png|jpeg|gif|webp|avif)$/.test(file.type);
  return { name: file.name, size: file.size, image, url: image && URL.createObjectURL(file) };
}

/** `crypto.randomUUID` exists behind https and on localhost only. */
function freshKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
