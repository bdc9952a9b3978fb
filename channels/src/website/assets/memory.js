// The browser's storage, one entry a key so that tabs don't overwrite each other; where it is forbidden, nothing.

let held = false;

/** Whether nothing is kept for now, because the visitor has not agreed to it. */
export function hold(on) {
  held = on;
}

export function memory(kind, prefix) {
  const guarded = (work, otherwise) => { try { return work(window[kind]); } catch { return otherwise; } };
  return {
    get: (key) => guarded((store) => JSON.parse(store.getItem(prefix + key)), null),
    set: (key, value) => guarded((store) => held || store.setItem(prefix + key, JSON.stringify(value))),
    remove: (key) => guarded((store) => store.removeItem(prefix + key)),
    all: () => guarded((store) => Object.keys(store).filter((key) => key.startsWith(prefix))
      .map((key) => JSON.parse(store.getItem(key))), []),
    /** Removes all of it; but not the frame's part, nor that of a signed-in customer, which begins with a word of 16. */
    clear: () => guarded((store) => Object.keys(store).filter((key) => key.startsWith(prefix) && !/^(frame|[^:]{16}):/.test(key.slice(prefix.length)))
      .forEach((key) => store.removeItem(key))),
  };
}
