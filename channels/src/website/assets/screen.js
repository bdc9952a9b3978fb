// The window around the chat: its title and its height.

/** Counts in the title what came while nobody looked. */
export function unreadTitle() {
  const title = document.title;
  let count = 0;
  const set = (value) => { count = value; document.title = count ? `(${count}) ${title}` : title; };
  document.addEventListener('visibilitychange', () => document.hidden || set(0));
  return { add: (more) => document.hidden && set(count + more) };
}

/** Where an on-screen keyboard covers the page instead of shrinking it (iOS), shrink it ourselves. */
export function fitKeyboard() {
  const view = window.visualViewport;
  view?.addEventListener('resize', () => {
    const covered = view.scale === 1 && window.innerHeight - view.height > 80;
    document.documentElement.style.setProperty('--ol-height', covered ? `${view.height}px` : '');
    if (covered) window.scrollTo(0, 0);
  });
}
