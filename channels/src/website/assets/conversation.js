// What the server has told of the conversation: items by id, each in its newest shape.

export class Conversation {
  /** `page` as the API answers it: `items`, and whether there are `more` before them. */
  constructor(page) {
    this.items = new Map();
    this.era = 0;
    this.page(page);
  }

  /** Takes a page of the history over. */
  page({ items, more }) {
    this.floor = -Infinity;
    this.merge(items);
    if (more) this.floor = this.oldest();
  }

  /** Takes items over and answers those never seen before. What changed in a part of the history that is not shown yet
      is passed over: it comes with its page, and here it would hide what is missing in between. */
  merge(items) {
    return items.filter((item) => {
      const known = this.items.get(item.id);
      if (!known && item.pos < this.floor) return false;
      if (known && known.era === this.era && known.rev > item.rev) return false; // an answer that was overtaken
      this.items.set(item.id, { ...item, era: this.era });
      return !known;
    });
  }

  /** Drops all and shows these instead. */
  reset(page) {
    this.items.clear();
    this.page(page);
  }

  /** A new session: what was there stays above, as it is, and another conversation begins. */
  startOver(page) {
    this.era += 1;
    this.page(page);
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
