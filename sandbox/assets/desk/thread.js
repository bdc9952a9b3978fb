// The messages of the dialog on screen.

import { $, arrange, bytes, clean, clock, dayKey, dayName, el, icon, local, time } from "./dom.js";
import { plain, render, safeUrl } from "./bbcode.js";

const NEAR = 80;
const TOGETHER = 5 * 60_000;

const scroller = $("thread");
const list = $("messages");
let shown = null;
let nodes = new Map();
let days = new Map();
let stick = true;
let missed = 0;

const byId = (a, b) => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);

/** Begins with another dialog: whatever is known of it already, or "loading". */
export function openThread(chat, thread, handlers) {
  shown = { chat, handlers };
  nodes = new Map();
  days = new Map();
  list.replaceChildren();
  scroller.setAttribute("aria-live", "off");
  follow();
  $("thread-note").hidden = thread.loaded;
  if (thread.loaded) drawThread(thread);
}

export function closeThread() {
  shown = null;
  list.replaceChildren();
}

/** Draws what is new or changed. */
export function drawThread(thread) {
  const first = nodes.size === 0;
  const all = [...thread.messages.values()].sort((a, b) => byId(a.id, b.id));
  const order = [];
  let before = null;
  let fresh = 0;
  for (const message of all) {
    const day = dayKey(message.date);
    const newDay = day && day !== before?.day;
    if (newDay) order.push(divider(day, message.date));
    let entry = nodes.get(message.id);
    const look = JSON.stringify(message);
    if (entry?.look !== look) {
      const node = build(message);
      if (!entry) fresh += message.from === "operator" ? 0 : 1;
      else replaceKeepingFocus(entry.node, node);
      entry = { look, node };
      nodes.set(message.id, entry);
    }
    const same = !newDay && before && before.from === message.from && before.author === message.author
      && message.date - before.date < TOGETHER;
    entry.node.classList.toggle("joined", Boolean(same));
    order.push(entry.node);
    before = { day: day || before?.day, from: message.from, author: message.author, date: message.date };
  }
  for (const id of nodes.keys()) if (!thread.messages.has(id)) nodes.delete(id);
  arrange(list, order);
  $("thread-note").hidden = thread.loaded && all.length > 0;
  $("thread-note").textContent = thread.loaded ? "No messages in this dialog yet." : "Loading messages…";
  if (stick) scrollDown();
  else if (fresh && !first) {
    missed += fresh;
    updateNewer();
  }
  if (first) requestAnimationFrame(() => scroller.setAttribute("aria-live", "polite"));
}

/** Shows the end of the dialog and stays there. */
export function follow() {
  stick = true;
  missed = 0;
  scrollDown();
  updateNewer();
}

function divider(day, date) {
  const name = dayName(date);
  let node = days.get(day);
  if (!node) {
    node = el("li", { class: "day" }, el("span", {}));
    days.set(day, node);
  }
  if (node.firstChild.textContent !== name) node.firstChild.textContent = name;
  return node;
}

function build(message) {
  const { deleted } = message;
  const from = ["client", "operator"].includes(message.from) ? message.from : "system";
  const own = from === "operator";
  const author = clean(message.author, 80);
  const body = [];
  if (deleted) body.push(el("p", { class: "text gone" }, "Message deleted"));
  else {
    if (message.text) body.push(el("div", { class: "text", "data-testid": "message-text" }, render(message.text)));
    const files = Array.isArray(message.files) ? message.files : [];
    if (files.length) body.push(el("ul", { class: "files", dir: "ltr" }, files.map((file) => el("li", {}, attachment(file)))));
  }
  const meta = el("span", { class: "meta" },
    message.edited && !deleted && el("span", { class: "edited", "data-testid": "edited" }, "edited"),
    time(message.date, clock(message.date)),
    own && !deleted && mark(message));
  return el("li", {
    class: `message ${from}`,
    "data-testid": "message",
    "data-from": from,
    "data-id": message.id,
    "data-sending": String(message.sending === true),
    "data-edited": String(message.edited === true),
    "data-deleted": String(deleted === true),
  },
  el("div", { class: "bubble" },
    from !== "system" && el("p", { class: "author" }, el("bdi", {}, author || (own ? "Operator" : "Client"))),
    el("div", { class: "body", dir: "auto" }, body, meta)),
  own && !deleted && actions(message));
}

function mark(message) {
  const sending = message.sending === true;
  const ids = (Array.isArray(message.external_ids) ? message.external_ids : []).map((id) => clean(id, 60)).filter(Boolean);
  const label = sending ? "Sending" : "Delivered";
  return el("span", {
    class: `mark ${sending ? "sending" : "delivered"}`,
    role: "img",
    "aria-label": label,
    "data-testid": "mark",
    title: !sending && ids.length ? `Delivered as ${ids.join(", ")}` : label,
  }, icon(sending ? "clock" : "check"));
}

function actions(message) {
  const words = clean(plain(message.text), 40) || "attachment";
  const button = (name, label, symbol, run) => el("button", {
    type: "button", class: "tool tiny", "data-testid": name, "aria-label": `${label}: ${words}`, title: label,
    onclick: () => shown && run(message),
  }, icon(symbol));
  const { edit, remove } = shown.handlers;
  return el("div", { class: "actions" },
    message.text ? button("edit", "Edit", "edit", edit) : null,
    button("delete", "Delete", "trash", remove));
}

function attachment(file) {
  const name = clean(file.name, 120) || "File";
  const inside = local(file.url);
  const link = inside ?? safeUrl(file.url);
  const kind = ["image", "video", "audio"].includes(file.type) ? file.type : "file";
  const chip = () => {
    const parts = [
      el("span", { class: "file-icon" }, icon(kind)),
      el("span", { class: "file-text" }, el("bdi", { class: "file-name" }, name), el("span", { class: "file-size" }, bytes(file.size) || clean(file.mime, 60) || "File")),
    ];
    const web = link && /^https?:$/.test(link.protocol);
    return web
      ? el("a", { class: "file", href: link.href, download: inside ? name : null, target: "_blank", rel: "noopener noreferrer nofollow", "data-testid": "file" }, parts)
      : el("span", { class: "file", "data-testid": "file" }, parts);
  };
  if (!inside || kind === "file") return chip();
  if (kind === "image") {
    const button = el("button", {
      type: "button", class: "thumb", "data-testid": "file", title: name, "aria-label": `Open the picture ${name}`,
      onclick: () => enlarge(inside.href, name),
    }, el("img", { src: inside.href, alt: name, loading: "lazy", decoding: "async", onerror: () => button.replaceWith(chip()) }));
    return button;
  }
  const player = el(kind, { class: "player", src: inside.href, controls: true, preload: "metadata", "aria-label": name, "data-testid": "file", onerror: () => player.replaceWith(chip()) });
  return player;
}

function enlarge(src, name) {
  $("lightbox-img").src = src;
  $("lightbox-img").alt = name;
  $("lightbox-name").textContent = name;
  $("lightbox-save").href = src;
  $("lightbox-save").download = name;
  $("lightbox").showModal();
}
$("lightbox").addEventListener("click", (event) => {
  if (event.target === event.currentTarget) event.currentTarget.close();
});
$("lightbox").addEventListener("close", () => $("lightbox-img").removeAttribute("src"));

function replaceKeepingFocus(old, node) {
  const focused = old.contains(document.activeElement) ? document.activeElement.dataset.testid ?? "" : null;
  old.replaceWith(node);
  if (focused === null) return;
  const next = focused && node.querySelector(`[data-testid="${CSS.escape(focused)}"]`);
  (next || scroller).focus({ preventScroll: true });
}

function scrollDown() {
  scroller.scrollTop = scroller.scrollHeight;
}

function updateNewer() {
  $("newer").hidden = stick;
  $("newer-text").textContent = missed === 0 ? "Latest" : missed === 1 ? "1 new message" : `${missed} new messages`;
}

let height = 0;
scroller.addEventListener("scroll", () => {
  // A change of size scrolls, too: only the reader's own scrolling lets go.
  if (scroller.clientHeight !== height) return;
  const near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
  if (near === stick) return;
  stick = near;
  if (near) missed = 0;
  updateNewer();
}, { passive: true });
const sizes = new ResizeObserver(() => {
  height = scroller.clientHeight;
  if (stick) scrollDown();
});
sizes.observe(scroller);
sizes.observe(list);
$("newer").addEventListener("click", () => {
  follow();
  scroller.focus({ preventScroll: true });
});
