// BB codes as DOM nodes. Every text here may come from a stranger: nothing is
// ever parsed as HTML, an unknown, unclosed or unsafe tag stays as written.

const PAIRED = { b: "b", i: "i", u: "u", s: "s", quote: "blockquote" };
const SCHEMES = new Set(["http:", "https:", "mailto:", "tel:"]);
const MAX_DEPTH = 16;
const TOKEN = /\[(\/?)(b|i|u|s|url|br|code|img|quote)(?:=([^\]\n]{0,2048}))?\]|^>>.*$|^-{20,}$|https?:\/\/[^\s<>"[\]]+/gim;

/** The address as a URL if it is absolute and of a harmless kind, else null. */
export function safeUrl(raw) {
  const text = String(raw ?? "").trim().replace(/^["']|["']$/g, "");
  let url;
  try {
    url = new URL(/^www\.[^\s/]/i.test(text) ? `https://${text}` : text);
  } catch {
    return null;
  }
  return SCHEMES.has(url.protocol) ? url : null;
}

// An address in running text, without the punctuation that follows it.
function trimTail(source) {
  const tail = source.includes("(") ? ".,;:!?'*" : ".,;:!?'*)";
  let end = source.length;
  while (end > 0 && tail.includes(source[end - 1])) end -= 1;
  return source.slice(0, end);
}

/** A document fragment of the text. */
export function render(text) {
  const out = document.createDocumentFragment();
  emit(parse(String(text ?? "").replace(/\r\n?/g, "\n"), 0), out);
  return out;
}

/** The text without its codes, on one line. */
export function plain(text) {
  const box = document.createElement("div");
  box.append(render(String(text ?? "").slice(0, 600)));
  for (const node of box.querySelectorAll("br, cite, blockquote, pre")) node.after(" ");
  return box.textContent.replace(/\s+/g, " ").trim();
}

/** Whether the text has a code that shows differently from how it is written. */
export function hasCodes(text) {
  const box = document.createElement("div");
  box.append(render(text));
  return box.querySelector("b, i, u, s, pre, code, blockquote, br, a:not([data-bare])") !== null;
}

function parse(text, depth) {
  const root = { kids: [] };
  const stack = [root];
  const missing = new Set();
  const top = () => stack[stack.length - 1];
  const inLink = () => stack.some((node) => node.tag === "url");
  const add = (kid) => top().kids.push(kid);
  const word = (piece) => { if (piece) add({ text: piece }); };
  const flatten = () => {
    const node = stack.pop();
    add({ text: node.source });
    for (const kid of node.kids) add(kid);
  };
  // What stands between here and the closing tag, raw; null if it never closes.
  const until = (tag, from) => {
    if (missing.has(tag)) return null;
    const end = new RegExp(`\\[/${tag}\\]`, "gi");
    end.lastIndex = from;
    const hit = end.exec(text);
    if (!hit) missing.add(tag);
    return hit && { inner: text.slice(from, hit.index), next: end.lastIndex };
  };
  const skipBreak = (at) => (text[at] === "\n" ? at + 1 : at);

  const token = new RegExp(TOKEN.source, TOKEN.flags);
  let at = 0;
  for (let hit = token.exec(text); hit; hit = token.exec(text)) {
    const [source, slash, name, value] = hit;
    const tag = name?.toLowerCase();
    const go = (kid, next) => {
      word(text.slice(at, hit.index));
      if (kid) add(kid);
      at = next;
      token.lastIndex = next;
    };
    const after = hit.index + source.length;

    if (tag === undefined) {
      if (source.startsWith(">>")) {
        if (stack.length > 1 || depth > 0) {
          token.lastIndex = hit.index + 2;
          continue;
        }
        const lines = /(?:>>[^\n]*(?:\n|$))+/y;
        lines.lastIndex = hit.index;
        const [block] = lines.exec(text);
        const inner = block.replace(/\n$/, "").replace(/^>> ?/gm, "");
        go({ tag: "quote", kids: parse(inner, depth + 1) }, hit.index + block.length);
      } else if (source.startsWith("--")) {
        const closes = stack.length === 1 && depth === 0 && !missing.has(source);
        const end = closes ? text.indexOf(`\n${source}`, after) : -1;
        if (end < 0) {
          if (closes) missing.add(source);
          continue;
        }
        const inner = text.slice(skipBreak(after), end);
        go({ tag: "quote", kids: parse(inner, depth + 1) }, skipBreak(end + 1 + source.length));
      } else if (!inLink()) {
        const bare = trimTail(source);
        const url = safeUrl(bare);
        if (url) go({ tag: "url", url, bare: true, kids: [{ text: bare }] }, hit.index + bare.length);
      }
    } else if (slash) {
      const open = value === undefined ? stack.findLastIndex((node) => node.tag === tag) : -1;
      if (open < 1) continue;
      word(text.slice(at, hit.index));
      while (stack.length - 1 > open) flatten();
      const node = stack.pop();
      add(node);
      at = tag === "quote" ? skipBreak(after) : after;
      token.lastIndex = at;
    } else if (tag === "br") {
      if (value === undefined) go({ tag: "br", kids: [] }, after);
    } else if (tag === "code") {
      const raw = value === undefined ? until("code", after) : null;
      if (raw) go({ tag: "code", kids: [{ text: raw.inner.replace(/^\n|\n$/g, "") }] }, raw.inner.includes("\n") ? skipBreak(raw.next) : raw.next);
    } else if (tag === "img" || (tag === "url" && value === undefined)) {
      const raw = inLink() ? null : until(tag, after);
      const url = raw && safeUrl(raw.inner);
      if (url) go({ tag: "url", url, image: tag === "img", kids: [{ text: raw.inner.trim() }] }, raw.next);
    } else if (stack.length <= MAX_DEPTH && depth <= MAX_DEPTH) {
      const url = tag === "url" ? safeUrl(value) : undefined;
      if (tag === "url" ? !url || inLink() : value !== undefined && tag !== "quote") continue;
      word(text.slice(at, hit.index));
      stack.push({ tag, url, by: tag === "quote" ? value : "", source, kids: [] });
      at = after;
    }
  }
  word(text.slice(at));
  while (stack.length > 1) flatten();
  return root.kids;
}

function emit(nodes, out) {
  for (const node of nodes) {
    if (node.text !== undefined) out.append(node.text);
    else if (node.tag === "br") out.append(document.createElement("br"));
    else if (node.tag === "url") emitLink(node, out);
    else if (node.tag === "code") {
      const code = document.createElement("code");
      code.append(node.kids[0].text);
      if (!node.kids[0].text.includes("\n")) {
        out.append(code);
        continue;
      }
      const pre = document.createElement("pre");
      pre.tabIndex = 0;
      pre.append(code);
      out.append(pre);
    } else {
      const kid = document.createElement(PAIRED[node.tag]);
      if (node.by) {
        const cite = document.createElement("cite");
        cite.append(node.by);
        kid.append(cite);
      }
      emit(node.kids, kid);
      out.append(kid);
    }
  }
}

function emitLink(node, out) {
  const { url } = node;
  const link = document.createElement("a");
  link.href = url.href;
  link.title = url.href;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow ugc";
  if (node.bare) link.dataset.bare = "";
  if (node.image) {
    link.className = "image-link";
    link.append(`Picture: ${url.hostname || "link"}${url.pathname.slice(0, 60)}`);
  } else {
    emit(node.kids, link);
    if (!link.textContent.trim()) link.append(url.href);
  }
  out.append(link);
  // A label that reads as one address and leads to another says where it leads.
  const label = /^\s*(?:https?:\/\/)?((?:[\p{L}\p{N}-]+\.)+\p{L}{2,})(?:[/:?#\s]|$)/iu.exec(link.textContent.slice(0, 300));
  const bare = (host) => host.toLowerCase().replace(/^www\./, "");
  if (url.hostname && (url.username || (label && bare(label[1]) !== bare(url.hostname)))) {
    const note = document.createElement("span");
    note.className = "leads-to";
    note.append(` (leads to ${url.hostname})`);
    out.append(note);
  }
}
