// The portal's interface for the desk, and the long poll that keeps it live.

const BASE = "/desk/api";
const WAIT = 25;
const MAX_DELAY = 15_000;

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function call(method, path, { json, form, signal, timeout = 30_000 } = {}) {
  const limits = [AbortSignal.timeout(timeout)];
  if (signal) limits.push(signal);
  let response;
  let body;
  try {
    response = await fetch(BASE + path, {
      method,
      headers: json === undefined ? undefined : { "content-type": "application/json" },
      body: json === undefined ? form : JSON.stringify(json),
      cache: "no-store",
      signal: AbortSignal.any(limits),
    });
    body = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(error.name === "TimeoutError" ? "The portal did not answer in time." : "The portal cannot be reached.", 0);
  }
  let data;
  try {
    data = body ? JSON.parse(body) : {};
  } catch {
    data = undefined;
  }
  if (!response.ok) {
    const said = typeof data?.error === "string" ? data.error : data?.error?.message;
    throw new ApiError(said || `The portal answered with ${response.status}.`, response.status);
  }
  if (data === undefined) throw new ApiError("The portal's answer could not be read.", response.status);
  return data;
}

const id = encodeURIComponent;
function poll(path, { since, wait }, signal) {
  const query = since === null ? "" : `?since=${id(since)}&wait=${wait}`;
  return call("GET", path + query, { signal, timeout: (wait + 20) * 1000 });
}

export const api = {
  state: () => call("GET", "/state"),
  dialogs: (at, signal) => poll("/dialogs", at, signal),
  messages: (chat, at, signal) => poll(`/dialogs/${id(chat)}/messages`, at, signal),
  edit: (message, text) => call("PATCH", `/messages/${id(message)}`, { json: { text } }),
  remove: (message) => call("DELETE", `/messages/${id(message)}`),
  finish: (chat) => call("POST", `/dialogs/${id(chat)}/finish`),
  read: (chat) => call("POST", `/dialogs/${id(chat)}/read`),
  send(chat, text, files) {
    const path = `/dialogs/${id(chat)}/messages`;
    if (!files.length) return call("POST", path, { json: { text } });
    const form = new FormData();
    form.append("text", text);
    for (const file of files) form.append("file", file, file.name);
    return call("POST", path, { form, timeout: 600_000 });
  },
};

const feeds = new Set();
for (const event of ["online", "pageshow"]) addEventListener(event, () => kickAll());

/** Ends every pause between two attempts at once. */
export function kickAll() {
  for (const feed of feeds) feed.kick();
}

/**
 * Follows one list of the portal: asks, applies the answer, asks again from the
 * revision reached. Errors only slow it down; it goes on from where it was.
 */
export class Feed {
  /** load(at, signal) → {rev}; apply(data, whole); health(error|null) */
  constructor({ load, apply, health, rev = null }) {
    Object.assign(this, { load, apply, health, rev });
    this.control = null;
    this.wake = null;
  }

  start() {
    if (this.control) return;
    this.control = new AbortController();
    feeds.add(this);
    this.#run(this.control.signal);
  }

  stop() {
    this.control?.abort();
    this.control = null;
    this.wake?.();
    feeds.delete(this);
  }

  kick() {
    this.wake?.();
  }

  async #run(signal) {
    let failures = 0;
    while (!signal.aborted) {
      const since = this.rev;
      const began = performance.now();
      try {
        // After a failure the first answer is asked for at once, to know we are back.
        const data = await this.load({ since, wait: failures || since === null ? 0 : WAIT }, signal);
        if (signal.aborted) return;
        if (typeof data?.rev !== "number") throw new ApiError("The portal's answer could not be read.", 200);
        failures = 0;
        this.health(null);
        if (since !== null && data.rev < since) {
          // The portal began anew: so do we.
          this.rev = null;
          await this.#pause(300);
          continue;
        }
        this.rev = data.rev;
        this.apply(data, since === null);
        const idle = data.rev === since && performance.now() - began < 500;
        if (idle) await this.#pause(1000);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ApiError)) console.error(error);
        failures += 1;
        this.health(error);
        const delay = Math.min(MAX_DELAY, 500 * 2 ** Math.min(failures, 6));
        await this.#pause(delay * (0.75 + Math.random() / 2));
      }
    }
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    }).finally(() => {
      this.wake = null;
    });
  }
}
