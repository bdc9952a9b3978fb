// Asks for what is new, for as long as the page lives.

import { backoff, pause } from './wake.js';

const WAIT = 25; // seconds an answer may be held
const ASLEEP = 60000; // a tab hidden for that long no longer holds a connection: browsers have six to a server
const NAP = 10000;

export class Updates {
  /** `on.news(answer)` gets each answer, `on.link(failures)` how many calls in a row went wrong. */
  constructor(api, cursor, on) {
    Object.assign(this, { api, cursor, on, failures: 0, flight: null, hiddenAt: 0 });
    document.addEventListener('visibilitychange', () => { this.hiddenAt = document.hidden ? Date.now() : 0; });
  }

  async run() {
    for (;;) {
      this.flight = new AbortController();
      await this.once(this.flight.signal).catch((error) => console.error(error));
    }
  }

  /** Drops the call under way, if any, and asks anew, from `cursor`. */
  restart(cursor = this.cursor) {
    this.cursor = cursor;
    this.flight?.abort();
  }

  async once(signal) {
    const asleep = this.hiddenAt && Date.now() - this.hiddenAt > ASLEEP;
    const wait = asleep || this.failures ? 0 : WAIT;
    const begun = Date.now();
    const answer = await this.api.updates(this.cursor, wait, signal).catch((error) => this.failed(error, signal));
    if (!answer || signal.aborted) return;
    const recovered = this.failures > 0;
    this.cursor = answer.cursor;
    this.report(0);
    this.on.news(answer);
    if (answer.more || recovered || signal.aborted) return;
    if (asleep) await pause(NAP);
    else if (!answer.items.length && Date.now() - begun < 1000) await pause(1000); // a server that doesn't hold answers
  }

  async failed(error, signal) {
    if (signal.aborted) return;
    this.report(this.failures + 1);
    await pause(backoff(this.failures, error.after));
  }

  report(failures) {
    this.failures = failures;
    this.on.link(failures);
  }
}
