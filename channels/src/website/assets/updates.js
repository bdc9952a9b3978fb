// Learns what is new, for as long as the page lives: by a stream of events, else by held answers, else by asking.

import { ApiError } from './api.js';
import { events, readable } from './stream.js';
import { lazy } from './lazy.js';
import { backoff, pause, wake } from './wake.js';

const WAYS = ['stream', 'hold', 'ask'];
const FIRST = 6000; // a stream that brings nothing for that long is held back by something in between
const SILENCE = 45000; // and one that was silent for that long is dead: the server gives a sign of life every 20 s
const LIVED = 3000; // one that ends sooner does not work
const CLIMB = 300000; // until a better way is tried again
const WAIT = 25; // seconds an answer may be held
const ASLEEP = 60000; // a tab hidden for that long no longer holds a connection: browsers have six to a server
const NAP = 10000;
const ASK = 4000;

const ALONE = { leads: true, hears: false, say() {}, want() {} }; // no other tab is known

export class Updates {
  /** `on.news(answer)` gets each answer, `on.link(failures)` how many calls in a row went wrong. */
  constructor(api, cursor, on) {
    const way = readable ? 0 : 1;
    Object.assign(this, { api, cursor, on, way, best: way, misses: 0, suspect: 0, failures: 0, flight: null, hiddenAt: 0, heardAt: 0 });
    this.tabs = ALONE;
    addEventListener('offline', () => this.restart()); // a stream would not notice for long
    document.addEventListener('visibilitychange', () => { this.hiddenAt = document.hidden ? Date.now() : 0; });
  }

  async run() {
    if (!this.api.session) await this.together(); // a frame's session is its own
    for (;;) {
      this.flight = new AbortController();
      await this.once(this.flight.signal).catch((error) => console.error(error));
    }
  }

  async together() {
    const { Tabs } = await lazy('tabs.js').catch(() => ({}));
    if (Tabs) this.tabs = new Tabs(`${this.api.root}/stream`, wake, (message) => this.told(message));
  }

  /** Drops the call under way, if any, and asks anew; from `cursor` when another session has begun. */
  restart(cursor) {
    if (cursor !== undefined) {
      this.cursor = cursor;
      this.tabs.say({ renewed: true });
    }
    this.flight?.abort();
  }

  /** Something happened around the page, an event of that type. A connection that was alive just now is left alone. */
  nudge(type) {
    if (type === 'online') Object.assign(this, { way: this.best, misses: 0 });
    if (type !== 'visibilitychange' || Date.now() - this.heardAt > WAIT * 1000) this.restart();
  }

  get asleep() {
    return this.hiddenAt > 0 && Date.now() - this.hiddenAt > ASLEEP;
  }

  async once(signal) {
    const { asleep } = this;
    await this.tabs.want(!asleep);
    const { leads, hears } = this.tabs;
    if (!leads && hears && !this.behind) return pause(NAP);
    if (this.way > this.best && Date.now() > this.climbAt) this.way = this.best;
    const way = this.failures || asleep || !leads ? 'ask' : WAYS[this.way];
    this.behind = false;
    if (way === 'stream') await this.stream(signal);
    else await this.call(way, signal, leads && !asleep ? ASK : NAP);
  }

  async call(way, signal, rest) {
    const begun = Date.now();
    const wait = way === 'hold' ? WAIT : 0;
    const answer = await this.api.updates(this.cursor, wait, signal).catch((error) => this.failed(error, signal, wait && 1));
    if (!answer || signal.aborted) return;
    const recovered = this.failures > 0;
    if (this.failures === 1 && this.suspect) this.missed(this.suspect); // a plain call works where the better one did not
    if (wait) this.misses = 0;
    this.suspect = 0;
    this.take(answer);
    if (answer.more || recovered || signal.aborted) return;
    if (!wait) await pause(rest);
    else if (!answer.items.length && Date.now() - begun < 1000) await pause(1000); // a server that doesn't hold answers
  }

  async stream(signal) {
    const own = new AbortController();
    const begun = Date.now();
    let [heard, timer] = [false, 0];
    const expect = (within) => { clearTimeout(timer); timer = setTimeout(() => own.abort(), within); };
    signal.addEventListener('abort', () => own.abort());
    expect(FIRST);
    try {
      for await (const answer of events(await this.api.stream(this.cursor, own.signal))) {
        if (signal.aborted || this.asleep) return;
        expect(SILENCE);
        heard = true;
        if (answer) this.take(answer);
        else this.alive();
      }
      if (Date.now() - begun < LIVED) throw new ApiError(0);
    } catch (error) {
      const silent = !heard && own.signal.aborted;
      await this.failed(error, signal, silent ? 2 : Number(Date.now() - begun < LIVED));
    } finally {
      clearTimeout(timer);
      own.abort();
      if (heard && Date.now() - begun >= LIVED) this.misses = 0;
    }
  }

  /** `suspect` above 0: perhaps nothing is wrong but this way of asking. */
  async failed(error, signal, suspect) {
    if (signal.aborted) return;
    this.suspect = suspect;
    this.report(this.failures + 1);
    await pause(backoff(this.failures, error.after));
  }

  missed(times) {
    this.misses += times;
    if (this.misses < 2) return;
    Object.assign(this, { misses: 0, way: Math.min(this.way + 1, WAYS.length - 1), climbAt: Date.now() + CLIMB });
  }

  take(answer) {
    this.heardAt = Date.now();
    this.report(0);
    const since = this.cursor;
    if (answer.cursor < since && !answer.reset) return; // overtaken by what another tab said
    this.cursor = answer.cursor;
    this.on.news(answer);
    if (this.tabs.leads) this.tabs.say({ since, answer });
  }

  alive() {
    this.heardAt = Date.now();
    this.tabs.say({ since: this.cursor });
  }

  /** What the leading tab says. What can't be put behind what is known here is asked for. */
  told({ since, answer, renewed }) {
    if (renewed || (!this.tabs.leads && (since > this.cursor || answer?.reset))) {
      this.behind = true;
      this.restart();
      wake();
    } else if (!this.tabs.leads) {
      this.heardAt = Date.now();
      if (answer && answer.cursor > this.cursor) this.take(answer);
      else this.report(0);
    }
  }

  report(failures) {
    this.failures = failures;
    this.on.link(failures);
  }
}
