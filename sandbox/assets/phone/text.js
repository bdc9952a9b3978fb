// A message text with its entities as nodes. Strings only ever become text nodes.

const TAGS = {
  bold: "strong",
  italic: "em",
  underline: "u",
  strikethrough: "s",
  code: "code",
  pre: "pre",
  blockquote: "blockquote",
  expandable_blockquote: "blockquote",
  spoiler: "mark",
};

/** An element; attributes that are null or false are left out, onX are listeners. */
export function el(tag, attributes = {}, ...kids) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...kids.flat().filter((kid) => kid !== null && kid !== undefined && kid !== false));
  return node;
}

/** Nodes for a text; offsets count UTF-16 units, as strings do here. */
export function rich(text, entities) {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  return range(text, sorted, 0, text.length);
}

function range(text, entities, from, to) {
  const nodes = [];
  let at = from;
  let rest = entities;
  while (rest.length) {
    const [first, ...others] = rest;
    const start = Math.max(first.offset, at);
    const end = Math.min(first.offset + first.length, to);
    if (start >= end) {
      rest = others;
      continue;
    }
    if (start > at) nodes.push(text.slice(at, start));
    const inside = others.filter((entity) => entity.offset < end);
    nodes.push(wrap(first, text.slice(start, end), range(text, inside, start, end)));
    rest = others;
    at = end;
  }
  if (at < to) nodes.push(text.slice(at, to));
  return nodes;
}

function wrap(entity, raw, nodes) {
  const address = link(entity, raw);
  if (address) return el("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, nodes);
  return el(TAGS[entity.type] ?? "span", { class: `e-${entity.type}` }, nodes);
}

/** Only addresses of the web and of mail. */
function link(entity, raw) {
  const given = { text_link: entity.url, url: raw, email: `mailto:${raw}` }[entity.type];
  if (!given) return null;
  try {
    const url = new URL(given.includes(":") ? given : `https://${given}`);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
