// A small choice of emoji. Screen readers know their names.

const CHOICE = '😀 😃 😄 😁 😅 😂 🙂 😉 😊 😍 😘 😋 😎 🤔 😐 🙄 😏 😴 😕 😮 😢 😭 😡 😱 🥳 🤗 🤝 👍 👎 👌 ✌️ 👏 🙏 💪 👋 ☝️ ❤️ 💙 💚 💛 💔 ✨ ⭐ 🔥 🎉 🎁 💯 ✅ ❌ ❓ ❗ ⏰ 📅 📎 📦 📞 💳 🚚 🏠 ☀️'.split(' ');

/** The panel that the button opens; `insert(emoji)` gets what is chosen. */
export function emojiPicker(h, t, button, insert) {
  const choices = CHOICE.map((one, index) => h('button', { type: 'button', tabindex: index ? '-1' : '0' }, one));
  const panel = h('div', { class: 'emoji', id: 'emoji', role: 'group', 'aria-label': t.emoji, hidden: true, 'data-testid': 'emoji-panel' }, choices);
  const open = (wanted) => {
    panel.hidden = !wanted;
    button.setAttribute('aria-expanded', String(wanted));
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
  return { panel, open };
}

/** Where a key leads to from the n-th; rows are as the page lays them out. */
function target(key, choices, at) {
  const row = choices.filter((one) => one.offsetTop === choices[0].offsetTop).length;
  const forward = getComputedStyle(choices[0]).direction === 'rtl' ? -1 : 1;
  return { ArrowRight: at + forward, ArrowLeft: at - forward, ArrowDown: at + row, ArrowUp: at - row, Home: 0, End: choices.length - 1 }[key];
}
