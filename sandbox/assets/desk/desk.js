// The operator desk: what is chosen, what is known, and how it stays live.

import { api, ApiError, Feed, kickAll } from "./api.js";
import { plain, safeUrl } from "./bbcode.js";
import { onSubmit, openComposer, showError, startEdit, stopEdit } from "./composer.js";
import { $, avatar, badge, clean, clientName, el } from "./dom.js";
import { drawList } from "./list.js";
import { drawPortal, drawSteps } from "./portal.js";
import { closeThread, drawThread, follow, openThread } from "./thread.js";

const state = { portal: null, dialogs: new Map(), loaded: false, current: null, filter: "all", query: "" };
const threads = new Map();
const troubles = new Map();
let feed = null;

// Connection

function health(name) {
  return (error) => {
    const had = troubles.has(name);
    if (error) troubles.set(name, error);
    else troubles.delete(name);
    if (error || had) drawHealth();
    if (!error && had) loadState();
  };
}

function drawHealth() {
  const [error] = troubles.values();
  $("offline").hidden = !error;
  document.body.dataset.connection = error ? "lost" : "live";
  if (!error) return;
  const reached = error instanceof ApiError && error.status > 0;
  const text = reached ? `The portal answers with an error (${error.status}), retrying…` : "Connection lost, retrying…";
  if ($("offline-text").textContent !== text) $("offline-text").textContent = text;
}
$("retry").addEventListener("click", kickAll);

async function loadState() {
  try {
    state.portal = await api.state();
    drawPortal(state.portal);
    drawBlank();
  } catch {
    // The polls tell about the connection; this one is asked for again.
  }
}

// Conversations

const dialogs = new Feed({
  load: (at, signal) => api.dialogs(at, signal),
  health: health("dialogs"),
  apply(data, whole) {
    if (whole) {
      state.dialogs.clear();
      if (state.loaded) forget();
    }
    for (const dialog of data.dialogs ?? []) {
      const id = String(dialog.chat_id);
      state.dialogs.set(id, { ...dialog, chat_id: id });
    }
    state.loaded = true;
    if (state.current !== null && !state.dialogs.has(state.current)) location.replace("#");
    draw();
    markRead();
  },
});

// The portal began anew: what was kept of the messages is of another life.
function forget() {
  threads.clear();
  if (state.current !== null) followThread();
}

function draw() {
  drawList(state);
  drawBlank();
  drawHead();
  let unread = 0;
  for (const dialog of state.dialogs.values()) unread += Number(dialog.unread) || 0;
  document.title = unread ? `(${unread}) Operator desk` : "Operator desk";
}

function drawBlank() {
  const empty = state.loaded && state.dialogs.size === 0;
  document.body.dataset.empty = String(empty || !state.loaded);
  $("blank").hidden = state.current !== null;
  $("dialog").hidden = state.current === null;
  $("steps").hidden = !empty;
  if (!state.loaded) return;
  $("blank-title").textContent = empty ? "No conversations yet" : "Choose a conversation";
  $("blank-text").textContent = empty
    ? "Write something on the visitor's page: it shows up here."
    : "Pick one on the left to read it and to answer.";
  if (empty) drawSteps($("steps"), state.portal);
}

let headLook = "";
function drawHead() {
  const dialog = state.dialogs.get(state.current);
  if (!dialog) return;
  const name = clientName(dialog);
  const client = dialog.client ?? {};
  const look = JSON.stringify([dialog.chat_id, name, client, dialog.connector, dialog.line, dialog.open, dialog.session_id, dialog.external_chat_id]);
  if (headLook === look) return;
  headLook = look;
  $("dialog").dataset.open = String(dialog.open === true);
  $("head-avatar").replaceChildren(avatar(name, client.picture));
  $("who").textContent = name;
  $("head-tags").replaceChildren(
    badge(dialog.connector),
    el("span", { class: "line" }, clean(dialog.line?.name, 60)),
    el("span", { class: `pill ${dialog.open ? "good" : ""}`, "data-testid": "dialog-status" }, dialog.open ? "Open" : "Finished"),
  );
  $("finish").disabled = dialog.open !== true;
  $("closed").hidden = dialog.open === true;
  const link = (scheme, text) => {
    const url = text && safeUrl(scheme + text);
    return url ? el("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow" }, text) : text;
  };
  const facts = [
    ["Email", link("mailto:", clean(client.email))],
    ["Phone", link("tel:", clean(client.phone))],
    ["Page", link("", clean(client.url, 400))],
    ["Channel", clean(dialog.connector?.name)],
    ["Line", clean(dialog.line?.name)],
    ["Chat", clean(dialog.chat_id)],
    ["Session", clean(dialog.session_id)],
    ["Outside id", clean(dialog.external_chat_id)],
  ].filter(([, value]) => value);
  $("info-panel").replaceChildren(
    el("h3", {}, el("bdi", {}, name)),
    el("dl", {}, facts.flatMap(([term, value]) => [el("dt", {}, term), el("dd", { dir: "auto" }, value)])),
  );
}

// The dialog on screen

function followThread() {
  feed?.stop();
  feed = null;
  troubles.delete("messages");
  drawHealth();
  const chat = state.current;
  if (chat === null) return closeThread();
  if (!threads.has(chat)) threads.set(chat, { rev: null, loaded: false, messages: new Map() });
  const thread = threads.get(chat);
  openThread(chat, thread, { edit: startEdit, remove });
  feed = new Feed({
    rev: thread.rev,
    load: (at, signal) => api.messages(chat, at, signal),
    health: health("messages"),
    apply(data, whole) {
      if (whole) thread.messages.clear();
      for (const message of data.messages ?? []) {
        const id = String(message.id);
        thread.messages.set(id, { ...message, id });
        if (message.deleted) stopEdit(id, chat);
      }
      Object.assign(thread, { rev: data.rev, loaded: true });
      drawThread(thread);
      markRead();
    },
  });
  if (!document.hidden) feed.start();
}

const readAt = new Map();
function markRead() {
  const dialog = state.dialogs.get(state.current);
  if (!dialog || document.hidden || !threads.get(state.current)?.loaded || !(dialog.unread > 0)) return;
  if (readAt.get(dialog.chat_id) === dialog.rev) return;
  readAt.set(dialog.chat_id, dialog.rev);
  api.read(dialog.chat_id).catch(() => readAt.delete(dialog.chat_id));
}

async function act(chat, what, run) {
  showError(chat, "");
  try {
    await run();
  } catch (error) {
    showError(chat, `${what}: ${clean(error.message, 600) || "unknown error"}`);
  }
}

onSubmit(async (chat, { text, files, editing }) => {
  if (editing) return api.edit(editing.id, text);
  await api.send(chat, text, files);
  if (chat === state.current) follow();
});

$("finish").addEventListener("click", async () => {
  const chat = state.current;
  $("finish").disabled = true;
  await act(chat, "Not finished", () => api.finish(chat));
  if (chat === state.current) $("finish").disabled = state.dialogs.get(chat)?.open !== true;
});

function remove(message) {
  const chat = state.current;
  const box = $("confirm");
  $("confirm-quote").textContent = clean(plain(message.text), 200) || message.files?.map((file) => clean(file.name, 80)).join(", ") || "";
  box.returnValue = "";
  box.addEventListener("close", () => {
    if (box.returnValue !== "ok") return;
    act(chat, "Not deleted", () => api.remove(message.id));
  }, { once: true });
  box.showModal();
}

// Which dialog is on screen stands in the address, so "back" works.

let fromList = false;
function route() {
  let wanted = null;
  try {
    wanted = decodeURIComponent(/^#\/(.+)$/.exec(location.hash)?.[1] ?? "") || null;
  } catch {
    // Not an address of ours.
  }
  if (wanted !== null && state.loaded && !state.dialogs.has(wanted)) return location.replace("#");
  const left = state.current;
  if (wanted !== null && wanted !== left) fromList = left === null;
  document.body.dataset.view = wanted === null ? "list" : "dialog";
  $("info").open = false;
  if (wanted !== left) {
    state.current = wanted;
    draw();
    followThread();
    openComposer(wanted, { focus: true });
  } else {
    draw();
  }
  markRead();
  if (wanted === null && left !== null) {
    document.querySelector(`a.item[data-chat-id="${CSS.escape(left)}"]`)?.focus({ preventScroll: true });
  }
}

addEventListener("hashchange", route);
$("back").addEventListener("click", (event) => {
  event.preventDefault();
  if (fromList) history.back();
  else location.replace("#");
});
$("list").addEventListener("click", (event) => {
  if (event.target.closest("a.item")?.dataset.chatId === state.current) openComposer(state.current, { focus: true });
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return feed?.stop();
  kickAll();
  feed?.start();
  loadState();
  markRead();
});

for (const tab of document.querySelectorAll("[data-filter]")) {
  tab.addEventListener("click", () => {
    state.filter = tab.dataset.filter;
    for (const other of document.querySelectorAll("[data-filter]")) other.setAttribute("aria-pressed", String(other === tab));
    drawList(state);
  });
}
$("search").addEventListener("input", (event) => {
  state.query = event.target.value.trim().toLowerCase();
  drawList(state);
});
$("skip").addEventListener("click", (event) => {
  event.preventDefault();
  (state.current === null ? document.querySelector("a.item") : $("composer"))?.focus();
});

// Panels close on Escape and on a press elsewhere.
const panels = [$("info"), $("portal")];
document.addEventListener("pointerdown", (event) => {
  for (const panel of panels) if (panel.open && !panel.contains(event.target)) panel.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  for (const panel of panels) {
    if (!panel.open) continue;
    panel.open = false;
    panel.querySelector("summary").focus();
  }
});

loadState();
route();
fromList = false;
dialogs.start();
setInterval(() => drawList(state), 30_000);
setInterval(() => document.hidden || loadState(), 10_000);
