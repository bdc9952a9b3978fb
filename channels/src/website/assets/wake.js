// Waiting that ends early when there is reason to hope: the network is back, or somebody looks at the page again.

const sleepers = new Set();

export function wake() {
  for (const rouse of [...sleepers]) rouse();
}

/** Waits that long, or until `wake`. */
export function pause(milliseconds) {
  return new Promise((resolve) => {
    const done = () => { clearTimeout(timer); sleepers.delete(done); resolve(); };
    const timer = setTimeout(done, milliseconds);
    sleepers.add(done);
  });
}

/** How long to wait after the n-th failure in a row: 0.5 s to 15 s, half of it by chance; longer if the server asks. */
export function backoff(failures, after = 0) {
  const most = Math.min(15000, 500 * 2 ** failures);
  return Math.max(after * 1000, most / 2 + (Math.random() * most) / 2);
}

/** Calls `wake` and `then(type)` at each such moment; `type` is the event's. */
export function listen(then) {
  const now = ({ type }) => { wake(); then(type); };
  addEventListener('online', now);
  addEventListener('pageshow', (event) => event.persisted && now(event));
  document.addEventListener('visibilitychange', (event) => document.hidden || now(event));
}
