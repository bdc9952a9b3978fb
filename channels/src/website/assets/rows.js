// From items to what stands in the list: day separators, groups of one author, times as the visitor writes them.

export class Rows {
  constructor(lang, t) {
    this.t = t;
    const locale = spoken(lang);
    this.clock = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' });
    this.date = new Intl.DateTimeFormat(locale, { dateStyle: 'full' });
  }

  /** `items` in order, `waiting` what is not at the server yet, in the era that is now. Each row has a `uid` that stays when the item changes. */
  layout(items, waiting, era) {
    const stored = new Set(items.map((item) => item.key));
    const unsent = waiting.filter((message) => !stored.has(message.key))
      .map((message) => asItem(message, era));
    const last = [...items].reverse().find(quotable);
    let before = null;
    return [...items, ...unsent].flatMap((item) => {
      const rows = this.rowsOf(item, before, quotable(item) && (item === last ? 'last' : 'yes'));
      before = item;
      return rows;
    });
  }

  rowsOf(item, before, quote) {
    const date = new Date(item.at);
    const newDay = !before || before.era !== item.era || new Date(before.at).toDateString() !== date.toDateString();
    const head = newDay || ['kind', 'from', 'name'].some((field) => before[field] !== item[field]);
    const row = { ...item, head, quote, time: this.clock.format(date), uid: item.key ? `key ${item.key}` : `id ${item.id}` };
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

function asItem({ key, text, at, state, files, progress, lost, reason }, era) {
  return { key, text, at, state, files, progress, lost, reason, era, kind: 'message', from: 'visitor', waiting: true };
}

function quotable(item) {
  return item.kind === 'message' && Boolean(item.id && item.text) && !item.deleted;
}

/** The page's language as the visitor's browser is set for it: its region decides how dates and times look. */
function spoken(lang) {
  const base = (tag) => tag.split('-')[0];
  return navigator.languages?.find((one) => base(one) === base(lang)) ?? lang;
}
