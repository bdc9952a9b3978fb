// Signing out: the session is over at the server too, wherever its token is. What can't be said to the server within some
// seconds is forgotten in the browser all the same.

export async function leave(root, session) {
  if (!session.token) return;
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 3000);
  const headers = { 'Content-Type': 'application/json', ...session.headers() };
  await fetch(`${root}api/session`, { method: 'DELETE', headers, keepalive: true, signal: stop.signal });
}
