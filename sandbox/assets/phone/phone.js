// The phone: a person's chat with a bot, live.

import { el, rich } from "/phone/text.js";

const $ = (id) => document.getElementById(id);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Whose chat, what was seen of it, the shown nodes by message id, and what is being answered or edited. */
const state = { person: 0, bot: 0, seen: "", turn: 0, nodes: new Map(), messages: [], context: null, blocked: false };

async function json(url, options) {
  const answer = await fetch(url, options);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error ?? `The server answered ${answer.status}.`);
  return body;
}

/** A verb of the control interface. */
function verb(name, body = {}) {
  const whole = { person: state.person, bot: state.bot, ...body };
  const headers = { "content-type": "application/json" };
  return json(`/sandbox/${name}`, { method: "POST", headers, body: JSON.stringify(whole) });
}

function fail(error) {
  $("error").textContent = error ? `That did not work: ${error.message}` : "";
  $("error").hidden = !error;
}

async function attempt(action) {
  try {
    fail(null);
    await action();
  } catch (error) {
    fail(error);
  }
}

const fullName = (user) => [user.first_name, user.last_name].filter(Boolean).join(" ");

async function load() {
  const { bots, people } = await json("/phone/api/state");
  if (!bots.length) {
    $("status").textContent = "There is no bot yet.";
    await pause(1000);
    return load();
  }
  if (!people.length) {
    await verb("person", { name: "Anna Lee" });
    return load();
  }
  fill("person", people, state.person || people[0].id);
  fill("bot", bots, state.bot || bots[0].id);
  $("pick").hidden = false;
  open();
}

function fill(id, users, chosen) {
  $(id).replaceChildren(...users.map((user) => el("option", { value: user.id }, fullName(user))));
  $(id).value = String(chosen);
}

/** Shows the chosen chat. */
function open() {
  Object.assign(state, { person: Number($("person").value), bot: Number($("bot").value), seen: "", messages: [] });
  state.nodes.clear();
  $("log").replaceChildren();
  setContext(null);
  $("title").textContent = $("bot").selectedOptions[0].textContent;
  state.turn += 1;
  follow(state.turn);
}

/** Waits for news for as long as this chat is open. */
async function follow(turn) {
  while (turn === state.turn) {
    try {
      const query = new URLSearchParams({ person: state.person, bot: state.bot, seen: state.seen });
      const { seen, chat } = await json(`/phone/api/chat?${query}`);
      if (turn !== state.turn) return;
      state.seen = seen;
      show(chat);
    } catch {
      $("status").textContent = "Connection lost, retrying…";
      await pause(1500);
    }
  }
}

function show(chat) {
  const doing = chat.action ? `${chat.action.replaceAll("_", " ")}…` : "bot";
  state.blocked = chat.blocked;
  state.messages = chat.messages.filter((message) => !message.deleted);
  $("status").textContent = chat.blocked ? "blocked" : doing;
  $("block").textContent = chat.blocked ? "Unblock" : "Block";
  const log = $("log");
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const kept = new Set(state.messages.map((message) => message.id));
  for (const [id, { node }] of state.nodes) {
    if (!kept.has(id)) {
      node.remove();
      state.nodes.delete(id);
    }
  }
  state.messages.forEach(place);
  if (atEnd) log.scrollTop = log.scrollHeight;
}

/** Puts a message in, or a new node in place of one that changed. */
function place(message) {
  const print = JSON.stringify(message);
  const old = state.nodes.get(message.id);
  if (old?.print === print) return;
  const node = bubble(message);
  if (old) old.node.replaceWith(node);
  else $("log").append(node);
  state.nodes.set(message.id, { print, node });
}

function bubble(message) {
  const author = message.from_bot ? "Bot" : "You";
  const time = new Date(message.at_ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const replied = message.json.reply_to_message;
  const quote = replied && (replied.text || replied.caption || "A message");
  return el(
    "article",
    { class: message.from_bot ? "from-bot" : "own", "data-testid": "message", "data-id": message.id },
    el("p", { class: "sr" }, `${author}:`),
    quote && el("blockquote", { class: "quote" }, quote.slice(0, 120)),
    media(message),
    message.text && el("div", { class: "text", dir: "auto" }, rich(message.text, message.entities)),
    el(
      "footer",
      {},
      el("span", {}, message.edited ? `edited ${time}` : time),
      el("button", { type: "button", class: "plain", onclick: () => setContext({ verb: "replies_to", message }) }, "Reply"),
      editable(message) &&
        el("button", { type: "button", class: "plain", onclick: () => setContext({ verb: "edits", message }) }, "Edit"),
    ),
    keyboard(message),
  );
}

const editable = (message) => !message.from_bot && (message.kind === "text" || message.text);

function media(message) {
  if (message.kind === "text") return null;
  const { file } = message;
  if (!file) return el("p", { class: "kind" }, describe(message));
  const address = `/phone/api/file/${encodeURIComponent(file.id)}`;
  if (message.kind === "photo") return el("img", { src: address, alt: message.text || "Photo", class: "photo" });
  return el("a", { href: address, download: file.name || message.kind, class: "file" }, file.name || message.kind);
}

/** A place, a contact or a poll in words; anything else by its kind. */
function describe(message) {
  const content = message.json[message.kind] ?? {};
  if (message.kind === "location") return `Place ${content.latitude}, ${content.longitude}`;
  if (message.kind === "contact") return `${content.first_name} ${content.phone_number}`;
  return content.question ?? message.kind.replaceAll("_", " ");
}

function keyboard(message) {
  const rows = message.json.reply_markup?.inline_keyboard ?? [];
  if (!rows.length) return null;
  const press = (button) => attempt(() => verb("presses", { message_id: message.id, text: button.callback_data }));
  const cell = (button) =>
    el("button", { type: "button", disabled: !button.callback_data, onclick: () => press(button) }, button.text);
  return el("div", { class: "keys" }, rows.map((row) => el("div", { class: "keys-row" }, row.map(cell))));
}

/** What the composer is about to do besides writing: answer or edit a message. */
function setContext(context) {
  state.context = context;
  $("context").hidden = !context;
  if (!context) return;
  const { verb: name, message } = context;
  $("context-text").textContent = `${name === "edits" ? "Edit" : "Reply to"}: ${(message.text || message.kind).slice(0, 80)}`;
  if (name === "edits") $("text").value = message.text;
  $("text").focus();
}

async function send() {
  const text = $("text").value;
  if (!text.trim()) return;
  const { context } = state;
  if (context) await verb(context.verb, { message_id: context.message.id, text });
  else await verb("writes", { text });
  $("text").value = "";
  setContext(null);
}

async function sendFiles(files) {
  let caption = $("text").value;
  for (const file of files) {
    const body = new FormData();
    for (const [name, value] of Object.entries({ person: state.person, bot: state.bot, caption })) body.append(name, value);
    body.append("file", file, file.name);
    await json("/phone/api/files", { method: "POST", body });
    caption = "";
  }
  $("text").value = "";
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(send);
});
$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  attempt(send);
});
$("files").addEventListener("change", (event) => {
  const files = [...event.target.files];
  event.target.value = "";
  attempt(() => sendFiles(files));
});
$("context-close").addEventListener("click", () => setContext(null));
$("block").addEventListener("click", () => attempt(() => verb(state.blocked ? "unblocks" : "blocks")));
$("person").addEventListener("change", open);
$("bot").addEventListener("change", open);
$("add").addEventListener("click", () =>
  attempt(async () => {
    const name = `Guest ${$("person").options.length + 1}`;
    state.person = await verb("person", { name });
    await load();
  }),
);

attempt(load);
