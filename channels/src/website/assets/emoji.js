// A small choice of emoji. Screen readers know their names.

import { icon } from './attach.js';
import { h } from './dom.js';

const CHOICE = '😀 😃 😄 😁 😅 😂 🙂 😉 😊 😍 😘 😋 😎 🤔 😐 🙄 😏 😴 😕 😮 😢 😭 😡 😱 🥳 🤗 🤝 👍 👎 👌 ✌️ 👏 🙏 💪 👋 ☝️ ❤️ 💙 💚 💛 💔 ✨ ⭐ 🔥 🎉 🎁 💯 ✅ ❌ ❓ ❗ ⏰ 📅 📎 📦 📞 💳 🚚 🏠 ☀️'.split(' ');

/** The button and the panel it opens; `insert(emoji)` gets what is chosen. */
export function emojiPicker(t, insert) {
  const button = h('button', { type: 'button', class: 'act', 'aria-label': t.emoji, title: t.emoji, 'aria-expanded': 'false', 'aria-controls': 'emoji', 'data-testid': 'emoji' },
    icon('M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8 14.5a5 5 0 0 0 8 0M9 9.5v.4M15 9.5v.4'));
  const choices = CHOICE.map((one, index) => h('button', { type: 'button', tabindex: index ? '-1' : '0' }, one));
  const panel = h('div', { class: 'emoji', id: 'emoji', role: 'group', 'aria-label': t.emoji, hidden: true, 'data-testid': 'emoji-panel' }, choices);
  const open = (wanted) => {
    panel.hidden = !wanted;
    button.ariaExpanded = String(wanted);
    if (wanted) panel.querySelector('[tabindex="0"]').focus();
  };
  const focus = (index) => {
    const next = choices[Math.max(0, Math.min(index, choices.length - 1))];
    choices.forEach((one) => { one.tabIndex = one === next ? 0 : -1; });
    next.focus();
  };
  button.addEventListener('click', () => open(panel.hidden));
  panel.addEventListener('click', ({ target }) => { if (choices.includes(target)) { open(false); insert(target.textContent); } });
  panel.addEventListener('keydown', (event) => {
    const to = target(event.key, choices, choices.indexOf(document.activeElement));
    if (event.key === 'Escape') { event.preventDefault(); open(false); button.focus(); } // and closes nothing else
    if (to === undefined) return;
    event.preventDefault();
    focus(to);
  });
  addEventListener('pointerdown', ({ target }) => panel.hidden || panel.contains(target) || button.contains(target) || open(false));
  panel.addEventListener('focusout', ({ relatedTarget }) => relatedTarget && relatedTarget !== button && !panel.contains(relatedTarget) && open(false));
  return { button, panel };
}

/** Where a key leads to from the n-th; rows are as the page lays them out. */
function target(key, choices, at) {
  const row = choices.filter((one) => one.offsetTop === choices[0].offsetTop).length;
  const forward = getComputedStyle(choices[0]).direction === 'rtl' ? -1 : 1;
  return { ArrowRight: at + forward, ArrowLeft: at - forward, ArrowDown: at + row, ArrowUp: at - row, Home: 0, End: choices.length - 1 }[key];
}
