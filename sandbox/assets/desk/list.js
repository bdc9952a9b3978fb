// The list of conversations.

import { $, arrange, avatar, badge, clean, clientName, el, relative, time } from "./dom.js";
import { plain } from "./bbcode.js";

const items = new Map();

const WHO = { operator: "You: ", system: "" };

function item(dialog, current) {
  const name = clientName(dialog);
  const last = dialog.last;
  const said = last ? plain(last.text) || "Attachment" : "No messages yet";
  const unread = Number(dialog.unread) || 0;
  const link = el("a", {
    class: "item",
    href: `#/${encodeURIComponent(dialog.chat_id)}`,
    "data-testid": "dialog-item",
    "data-chat-id": dialog.chat_id,
    "data-open": String(dialog.open === true),
    "data-unread": String(unread),
    "aria-current": dialog.chat_id === current ? "true" : null,
  },
  avatar(name, dialog.client?.picture),
  el("span", { class: "item-main" },
    el("span", { class: "item-row" },
      el("bdi", { class: "item-name" }, name),
      last && el("span", { class: "item-time" }, time(last.date, relative(last.date)))),
    el("span", { class: "item-row" },
      el("span", { class: "item-last", dir: "auto", "data-testid": "dialog-last" }, (last && WHO[last.from]) || "", said),
      unread > 0 && el("span", { class: "count", "data-testid": "unread" },
        unread > 99 ? "99+" : String(unread), el("span", { class: "sr" }, " unread"))),
    el("span", { class: "item-row tags" },
      badge(dialog.connector),
      el("span", { class: "line" }, clean(dialog.line?.name, 60)),
      dialog.open !== true && el("span", { class: "pill", "data-testid": "finished" }, "Finished"))));
  return el("li", { class: "row" }, link);
}

const newest = (dialog) => Number(dialog.last?.date) || 0;

function visible(dialog, { filter, query }) {
  if (filter !== "all" && (filter === "open") !== (dialog.open === true)) return false;
  if (!query) return true;
  const { client = {}, connector, line } = dialog;
  return [clientName(dialog), dialog.title, client?.email, client?.phone, connector?.name, line?.name,
    dialog.external_chat_id, dialog.chat_id, plain(dialog.last?.text)]
    .some((part) => String(part ?? "").toLowerCase().includes(query));
}

/** Draws the list again where it changed. */
export function drawList(state) {
  const all = [...state.dialogs.values()];
  const shown = all.filter((dialog) => visible(dialog, state))
    .sort((a, b) => newest(b) - newest(a) || Number(b.rev) - Number(a.rev));
  const ids = new Set();
  const nodes = shown.map((dialog) => {
    ids.add(dialog.chat_id);
    const look = JSON.stringify([dialog, dialog.chat_id === state.current, relative(dialog.last?.date)]);
    let entry = items.get(dialog.chat_id);
    if (entry?.look !== look) {
      const node = item(dialog, state.current);
      if (entry?.node.contains(document.activeElement)) {
        entry.node.replaceWith(node);
        node.firstChild.focus({ preventScroll: true });
      }
      entry = { look, node };
      items.set(dialog.chat_id, entry);
    }
    return entry.node;
  });
  for (const id of items.keys()) if (!ids.has(id)) items.delete(id);
  arrangeKeepingFocus($("list"), nodes);
  $("side-tools").hidden = all.length === 0;
  const note = $("list-note");
  note.hidden = shown.length > 0 || !state.loaded;
  note.textContent = all.length === 0 ? "Conversations line up here." : state.query ? "Nothing matches this search." : state.filter === "open" ? "No open conversations." : "No finished conversations.";
}

function arrangeKeepingFocus(parent, nodes) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  arrange(parent, nodes);
  if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

/** The up and down keys walk through the list. */
$("list").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const links = [...$("list").querySelectorAll("a.item")];
  const next = links[links.indexOf(document.activeElement) + step];
  if (next) {
    event.preventDefault();
    next.focus();
  }
});
