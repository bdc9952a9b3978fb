// The visitor's messages on their way to the server: kept until acknowledged, posted strictly one after another.

import { backoff, pause } from './wake.js';
import { memory } from './memory.js';

const TRIES = 12; // about two minutes

export class Outbox {
  /** `on.changed()` when what it holds changed, `on.accepted(answer)` and `on.failed()` for what became of one. */
  constructor(api, base, on) {
    Object.assign(this, { api, on, busy: false });
    this.kept = memory('localStorage', `openline:${base}out:`);
    this.messages = this.kept.all().sort((a, b) => a.at - b.at);
  }

  add(text, name) {
    const at = Math.max(Date.now(), (this.messages.at(-1)?.at ?? 0) + 1);
    this.put({ key: freshKey(), text, name, at, state: 'sending' });
    this.pump();
  }

  again(key) {
    const message = this.messages.find((one) => one.key === key);
    if (message?.state !== 'failed') return;
    this.put({ ...message, state: 'sending' });
    this.pump();
  }

  /** Forgets a message: the server has it, or the visitor gave it up. */
  drop(key) {
    this.kept.remove(key);
    this.messages = this.messages.filter((one) => one.key !== key);
    this.on.changed();
  }

  put(message) {
    this.kept.set(message.key, message);
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
        return await this.api.send({ key, text, name });
      } catch (error) {
        failures += 1;
        tries += navigator.onLine ? 1 : 0;
        if (!error.temporary || tries >= TRIES) throw error;
        await pause(backoff(failures, error.after));
        if (!this.has(key)) return null;
      }
    }
  }

  has(key) {
    return this.messages.some((one) => one.key === key);
  }

  /** Without a connection those behind it fail too, so that none overtakes it. */
  giveUp(message, error) {
    if (!this.has(message.key)) return;
    const lost = error.temporary ? this.messages.filter((one) => one.state === 'sending') : [message];
    for (const one of lost) this.put({ ...one, state: 'failed' });
    this.on.failed();
  }
}

/** `crypto.randomUUID` exists behind https and on localhost only. */
function freshKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
