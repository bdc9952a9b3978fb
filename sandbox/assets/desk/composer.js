// The message field: text with BB codes, files, editing, the errors of sending.

import { $, bytes, clean, el, icon } from "./dom.js";
import { hasCodes, plain, render } from "./bbcode.js";

const field = $("composer");
const drafts = new Map();
let chat = null;
let submit = () => Promise.resolve();

const blank = () => ({ text: "", files: [], editing: null, busy: false, error: "" });
const draft = (id = chat) => drafts.get(id) ?? drafts.set(id, blank()).get(id);
const touch = matchMedia("(hover: none)");

/** Called with (chat, {text, files, editing}); its promise tells how it went. */
export function onSubmit(handler) {
  submit = handler;
}

/** Shows the draft of this dialog. */
export function openComposer(id, { focus = false } = {}) {
  keep();
  chat = id;
  if (id === null) return;
  show();
  if (focus && !touch.matches) field.focus({ preventScroll: true });
}

/** Tells an error in the dialog it belongs to; an empty text clears it. */
export function showError(id, text) {
  if (id === null) return;
  draft(id).error = text;
  if (id === chat) showNotices();
}

/** Puts a sent message into the field to change it; the draft waits meanwhile. */
export function startEdit(message) {
  keep();
  const now = draft();
  if (now.busy) return;
  const kept = now.editing ? now.editing.kept : { text: now.text, files: now.files };
  Object.assign(now, { text: message.text, files: [], error: "", editing: { id: message.id, was: message.text, kept } });
  show();
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}

/** Leaves the editing of this message (or of any, without an id). */
export function stopEdit(id = null, where = chat) {
  const now = drafts.get(where);
  if (!now?.editing || (id !== null && now.editing.id !== id)) return;
  Object.assign(now, { ...now.editing.kept, editing: null });
  if (where === chat) show();
}

function keep() {
  if (chat !== null) draft().text = field.value;
}

function show() {
  const now = draft();
  if (field.value !== now.text) field.value = now.text;
  $("editing").hidden = !now.editing;
  $("editing-text").textContent = now.editing ? clean(plain(now.editing.was), 120) : "";
  $("attach").parentElement.hidden = Boolean(now.editing);
  const chips = $("chips");
  chips.hidden = now.files.length === 0;
  chips.replaceChildren(...now.files.map((file, index) => el("li", { class: "chip", "data-testid": "attachment" },
    icon(/^(image|video|audio)\//.exec(file.type)?.[1] ?? "file"),
    el("bdi", { class: "chip-name" }, clean(file.name, 120)),
    el("span", { class: "chip-size" }, bytes(file.size)),
    el("button", {
      type: "button", class: "tool tiny", "aria-label": `Remove ${clean(file.name, 120)}`, disabled: now.busy,
      onclick: () => {
        now.files.splice(index, 1);
        show();
        field.focus();
      },
    }, icon("close")))));
  showNotices();
  refresh();
}

function showNotices() {
  const { error } = draft();
  $("error").hidden = !error;
  if ($("error-text").textContent !== error) $("error-text").textContent = error;
}

// What depends on every letter typed.
function refresh() {
  const now = draft();
  const text = field.value.trim();
  const ready = now.editing ? text && field.value !== now.editing.was : text || now.files.length;
  $("send").disabled = now.busy || !ready;
  $("send").classList.toggle("busy", now.busy);
  $("send-text").textContent = now.busy ? (now.editing ? "Saving…" : "Sending…") : now.editing ? "Save" : "Send";
  field.readOnly = now.busy;
  $("attach").disabled = now.busy;
  const preview = $("preview");
  const codes = text.includes("[") && hasCodes(field.value);
  preview.hidden = !codes;
  preview.replaceChildren(...(codes ? [el("span", { class: "preview-label" }, "Preview"), el("div", { class: "text", dir: "auto" }, render(field.value))] : []));
}

async function send() {
  keep();
  const id = chat;
  const now = draft();
  const text = now.text.trim();
  if (id === null || $("send").disabled) return;
  const { editing } = now;
  Object.assign(now, { busy: true, error: "" });
  show();
  try {
    await submit(id, { text, files: now.files, editing });
    if (!editing) Object.assign(now, { text: "", files: [] });
    else if (now.editing === editing) Object.assign(now, { ...editing.kept, editing: null });
  } catch (error) {
    now.error = `${editing ? "Not saved" : "Not sent"}: ${clean(error.message, 600) || "unknown error"}`;
  }
  now.busy = false;
  if (id === chat) show();
}

$("composer-form").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
  field.focus({ preventScroll: true });
});
$("error-close").addEventListener("click", () => {
  showError(chat, "");
  field.focus();
});
$("edit-cancel").addEventListener("click", () => {
  if (!draft().busy) stopEdit();
  field.focus();
});
field.addEventListener("input", refresh);

// Codes around the selection; once more takes them off again.
function wrap(tag) {
  if (draft().busy) return;
  const { selectionStart: start, selectionEnd: end, value } = field;
  const chosen = value.slice(start, end);
  let open = `[${tag}]`;
  const close = `[/${tag}]`;
  if (tag === "url" && !/^(https?:\/\/|mailto:|tel:)\S+$/i.test(chosen.trim())) open = "[url=https://]";
  if (tag !== "url" && value.slice(0, start).endsWith(open) && value.slice(end).startsWith(close)) {
    put(start - open.length, end + close.length, chosen, start - open.length, start - open.length + chosen.length);
    return;
  }
  const inner = start + open.length;
  const marks = open === "[url=https://]" ? [inner - 1, inner - 1] : [inner, inner + chosen.length];
  put(start, end, open + chosen + close, ...marks);
}

function put(start, end, text, from, to) {
  field.focus();
  field.setSelectionRange(start, end);
  // The only way in that the browser's own "undo" takes back.
  const done = document.execCommand(text ? "insertText" : "delete", false, text);
  if (!done) field.setRangeText(text, start, end, "end");
  field.setSelectionRange(from, to);
  refresh();
}

const tools = [...document.querySelectorAll("[data-format]")];
for (const button of tools) {
  // The field keeps the focus, and with it the selection.
  button.addEventListener("mousedown", (event) => event.preventDefault());
  button.addEventListener("click", () => wrap(button.dataset.format));
}

field.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    send();
  } else if (event.key === "Escape" && draft().editing && !draft().busy) {
    event.preventDefault();
    stopEdit();
  } else if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    const tag = { b: "b", i: "i", u: "u", k: "url" }[event.key.toLowerCase()];
    if (tag) {
      event.preventDefault();
      wrap(tag);
    }
  }
});

function attach(files) {
  const now = draft();
  if (chat === null || now.busy || now.editing || !files.length) return;
  keep();
  now.files = [...now.files, ...files];
  show();
  field.focus({ preventScroll: true });
}
$("attach").addEventListener("change", (event) => {
  attach([...event.target.files]);
  event.target.value = "";
});
field.addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files];
  if (!files.length || event.clipboardData.getData("text/plain")) return;
  event.preventDefault();
  attach(files);
});

const zone = $("dialog");
const carries = (event) => event.dataTransfer?.types.includes("Files");
let inside = 0;
const hover = (by) => {
  inside = by === 0 ? 0 : Math.max(0, inside + by);
  $("drop").hidden = inside === 0 || Boolean(draft().editing);
};
zone.addEventListener("dragenter", (event) => carries(event) && hover(1));
zone.addEventListener("dragleave", (event) => carries(event) && hover(-1));
for (const type of ["dragover", "drop"]) {
  addEventListener(type, (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    if (type === "drop") {
      hover(0);
      if (zone.contains(event.target)) attach([...event.dataTransfer.files]);
    }
  });
}
