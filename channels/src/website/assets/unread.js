// What the visitor has not seen yet, for the badge of the page around; remembered over reloads.

export class Unread {
  /** `tell({count, fresh, talk, last})`: how many there are, whether one has just come and which, as the server told it,
      whether there is a conversation at all. */
  constructor(kept, looking, tell) {
    Object.assign(this, { kept, looking, tell, told: null, newest: 0, items: null });
    this.seen = kept.get('seen') ?? 0;
    addEventListener('storage', () => { // another tab has shown it
      this.seen = Math.max(this.seen, kept.get('seen') ?? 0);
      this.look();
    });
  }

  shown(items) {
    this.items = items.filter((item) => item.kind === 'message' && !item.deleted);
    this.look();
  }

  look() {
    if (!this.items) return;
    const others = this.items.filter((item) => item.from !== 'visitor');
    const newest = Math.max(0, ...others.map(({ id }) => Number(id)));
    const fresh = this.told !== null && newest > this.newest;
    this.newest = Math.max(newest, this.newest);
    if (this.looking() && this.newest > this.seen) {
      this.seen = this.newest;
      this.kept.set('seen', this.seen);
    }
    const count = others.filter(({ id }) => Number(id) > this.seen).length;
    const talk = this.items.length > 0;
    const told = `${count} ${talk}`;
    const changed = fresh || told !== this.told;
    this.told = told;
    const last = fresh ? others.find(({ id }) => Number(id) === newest) : undefined;
    if (changed) this.tell({ count, fresh, talk, last });
  }
}
