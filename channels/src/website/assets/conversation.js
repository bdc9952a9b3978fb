// What the server has told of the conversation: items by id, each in its newest shape.

export class Conversation {
  constructor(items) {
    this.items = new Map();
    this.era = 0;
    this.merge(items);
  }

  /** Takes items over and answers those never seen before. */
  merge(items) {
    return items.filter((item) => {
      const known = this.items.get(item.id);
      if (known && known.era === this.era && known.rev > item.rev) return false; // an answer that was overtaken
      this.items.set(item.id, { ...item, era: this.era });
      return !known;
    });
  }

  /** Drops all and shows these instead. */
  reset(items) {
    this.items.clear();
    this.merge(items);
  }

  /** A new session: what was there stays above, as it is, and another conversation begins. */
  startOver(items) {
    this.era += 1;
    this.merge(items);
  }

  /** The oldest position known, for paging upward. */
  oldest() {
    return this.sorted().find((item) => item.era === this.era)?.pos;
  }

  find(id) {
    return this.items.get(id);
  }

  sorted() {
    return [...this.items.values()].sort((a, b) => a.era - b.era || a.pos - b.pos);
  }
}
