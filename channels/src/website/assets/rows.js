// From items to what stands in the list: day separators, groups of one author, times as the visitor writes them.

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });

export class Rows {
  constructor(lang, t) {
    this.t = t;
    this.date = new Intl.DateTimeFormat(lang, { dateStyle: 'full' });
  }

  /** `items` in order, `waiting` what is not at the server yet, in the era that is now. Each row has a `uid` that stays when the item changes. */
  layout(items, waiting, era) {
    const stored = new Set(items.map((item) => item.key));
    const unsent = waiting.filter((message) => !stored.has(message.key))
      .map((message) => asItem(message, era));
    let before = null;
    return [...items, ...unsent].flatMap((item) => {
      const rows = this.rowsOf(item, before);
      before = item;
      return rows;
    });
  }

  rowsOf(item, before) {
    const date = new Date(item.at);
    const newDay = !before || before.era !== item.era || new Date(before.at).toDateString() !== date.toDateString();
    const head = newDay || ['kind', 'from', 'name'].some((field) => before[field] !== item[field]);
    const row = { ...item, head, time: clock.format(date), uid: item.key ? `key ${item.key}` : `id ${item.id}` };
    return newDay ? [this.day(date, row.uid), row] : [row];
  }

  day(date, uid) {
    const [year, month, day] = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
    const datetime = [year, month, day].map((part) => String(part).padStart(2, '0')).join('-');
    return { uid: `day ${uid}`, datetime, label: this.label(date) };
  }

  label(date) {
    const today = new Date();
    const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
    if (date.toDateString() === today.toDateString()) return this.t.today;
    if (date.toDateString() === yesterday.toDateString()) return this.t.yesterday;
    return this.date.format(date);
  }
}

function asItem({ key, text, at, state }, era) {
  return { key, text, at, state, era, kind: 'message', from: 'visitor', waiting: true };
}
