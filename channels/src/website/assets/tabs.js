// Several tabs of one visitor: one of them leads and holds the connection, the others hear the news from it. Where
// browsers can't tell (no https), each tab leads itself.

const SILENCE = 45000;

export class Tabs {
  /** `told(message)` gets what another tab of that name says; without a name there are none. */
  constructor(name, wake, told) {
    Object.assign(this, { name, wake });
    this.alone = !(name && navigator.locks && window.BroadcastChannel);
    this.leads = this.alone;
    this.heardAt = 0;
    if (this.alone) return;
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = ({ data }) => { this.heardAt = Date.now(); told(data); };
  }

  /** Whether another tab was heard lately. */
  get hears() {
    return Date.now() - this.heardAt < SILENCE;
  }

  say(message) {
    this.channel?.postMessage(message);
  }

  /** Wants to lead, or not (any more). Returns as soon as it is clear whether this tab leads now. */
  async want(wanted) {
    if (this.alone || wanted === Boolean(this.queue)) return;
    if (!wanted) return this.leave();
    this.queue = new AbortController();
    await new Promise((settled) => {
      navigator.locks.request(this.name, { ifAvailable: true }, (lock) => { settled(); return lock && this.lead(); })
        .catch(() => { this.alone = this.leads = true; settled(); }); // not allowed here
    });
    if (this.leads) return;
    navigator.locks.request(this.name, { signal: this.queue.signal }, () => this.lead()).catch(() => {});
  }

  lead() {
    this.leads = true;
    this.wake();
    return new Promise((release) => { this.release = release; });
  }

  leave() {
    this.queue.abort();
    this.release?.();
    Object.assign(this, { queue: null, release: null, leads: false });
  }
}
