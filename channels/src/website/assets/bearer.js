// A session without a cookie: its token is kept by the page and sent along with every call.

export class Bearer {
  /** `kept` is a memory.js; `identity` what the page around says of a customer, `token` among it is what its server has signed; or null. A signed-in session is not kept: who can sign in again will. */
  constructor(kept, identity) {
    Object.assign(this, { kept, identity, token: identity ? null : kept.get('token') });
  }

  headers() {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }

  /** The body of the call that makes a session. */
  wish() {
    return { bearer: true, ...(this.identity && { identity: this.identity.token }) };
  }

  /** Keeps the session that was made; or, where no lock prevented it, takes the one that another frame made meanwhile. */
  take({ session }) {
    if (!session) return;
    const other = this.identity ? null : this.kept.get('token');
    this.token = other && other !== this.token ? other : session;
    if (!this.identity) this.kept.set('token', this.token);
  }

  drop() {
    this.token = null;
    this.kept.clear();
  }

  /** Another frame may have replaced a lost session already. */
  look() {
    if (!this.identity) this.token = this.kept.get('token') ?? this.token;
  }
}
