// What the page asks for, kept in a list; and a network that lets through what the test wants.
window.asked = [];
const ask = window.fetch;
const silent = (signal) => new Response(new ReadableStream({
  start(to) { signal.addEventListener('abort', () => to.error(new Error('cut'))); },
}), { headers: { 'Content-Type': 'text/event-stream' } });
window.fetch = (url, init) => {
  window.asked.push(String(url));
  const rule = (window.blocked ?? sessionStorage.getItem('blocked') ?? '').split(' ').find((one) => one && String(url).includes(one));
  if (!rule) return ask(url, init);
  return window.silent ?? sessionStorage.getItem('silent') ? Promise.resolve(silent(init.signal)) : Promise.reject(new TypeError('blocked'));
};
