// Small helpers: elements, dates, names. Strings only ever become text nodes.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

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

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** A name on one line, without characters that turn the reading direction. */
export function clean(value, limit = 160) {
  const text = String(value ?? "")
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, "")
    .replace(/[\s\u0000-\u001f\u007f]+/g, " ")
    .trim();
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

export function clientName(dialog) {
  const { name, last_name: last } = dialog.client ?? {};
  return clean(`${name ?? ""} ${last ?? ""}`) || clean(dialog.title) || "Visitor";
}

/** A picture this page may load: from the portal itself, or held in the address. */
export function picture(raw) {
  if (typeof raw === "string" && /^data:image\//i.test(raw)) return raw;
  const url = local(raw);
  return url && url.href;
}

/** The address as a URL if the portal itself serves it, else null. */
export function local(raw) {
  if (typeof raw !== "string" || !raw) return null;
  try {
    const url = new URL(raw, location.href);
    return url.origin === location.origin && url.protocol === location.protocol ? url : null;
  } catch {
    return null;
  }
}

export function avatar(name, source, extra = "") {
  const letters = [...name.matchAll(/(?:^|\s)([\p{L}\p{N}])/gu)].map((hit) => hit[1]);
  const text = [letters[0], letters.length > 1 ? letters[letters.length - 1] : ""].join("").toUpperCase() || "?";
  let tone = 0;
  for (const char of name) tone = (tone * 31 + char.codePointAt(0)) % 6;
  const node = el("span", { class: `avatar tone-${tone} ${extra}`, "aria-hidden": "true" }, text);
  const src = picture(source);
  if (src) {
    const image = el("img", { src, alt: "", onerror: () => image.remove() });
    node.append(image);
  }
  return node;
}

/** The connector's mark: its own color as a dot, its name in readable ink. */
export function badge(connector) {
  const node = el("span", { class: "badge", "data-testid": "connector", "data-connector": connector?.id ?? "" },
    el("span", { class: "badge-name" }, clean(connector?.name, 60) || clean(connector?.id, 60) || "Channel"));
  if (/^#(?:[0-9a-f]{3}|[0-9a-f]{6})$/i.test(connector?.color ?? "")) node.style.setProperty("--tint", connector.color);
  return node;
}

const format = (options) => new Intl.DateTimeFormat("en-GB", options);
const CLOCK = format({ hour: "2-digit", minute: "2-digit" });
const DAY = format({ day: "numeric", month: "short" });
const LONG_DAY = format({ weekday: "long", day: "numeric", month: "long" });
const YEAR = format({ day: "numeric", month: "short", year: "numeric" });
const FULL = format({ dateStyle: "full", timeStyle: "medium" });

const valid = (ms) => typeof ms === "number" && Number.isFinite(ms) && Math.abs(ms) < 8.64e15;
const midnight = (ms) => new Date(ms).setHours(0, 0, 0, 0);
const daysAgo = (ms) => Math.round((midnight(Date.now()) - midnight(ms)) / 86_400_000);

export const clock = (ms) => (valid(ms) ? CLOCK.format(ms) : "");
export const full = (ms) => (valid(ms) ? FULL.format(ms) : "");
export const dayKey = (ms) => (valid(ms) ? String(midnight(ms)) : "");

export function dayName(ms) {
  const days = daysAgo(ms);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return (days > 0 && days < 300 ? LONG_DAY : YEAR).format(ms);
}

export function relative(ms) {
  if (!valid(ms)) return "";
  const minutes = Math.floor((Date.now() - ms) / 60_000);
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes} min`;
  const days = daysAgo(ms);
  if (days === 0) return CLOCK.format(ms);
  if (days === 1) return "Yesterday";
  return (days < 300 ? DAY : YEAR).format(ms);
}

export function time(ms, text) {
  const stamp = valid(ms) ? new Date(ms).toISOString() : null;
  return el("time", { datetime: stamp, title: full(ms) || null }, text);
}

export function bytes(size) {
  if (typeof size !== "number" || !(size >= 0)) return "";
  if (size < 1000) return `${size} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = size / 1000;
  while (value >= 1000 && units.length > 1) {
    value /= 1000;
    units.shift();
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[0]}`;
}

/** Puts the nodes into the parent in this order, moving only what stands wrong. */
export function arrange(parent, nodes) {
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}
