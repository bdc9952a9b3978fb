// Formatted text: the spans of the API as elements. What it doesn't know, and what isn't safe, is shown as text.

import { h } from './dom.js';

const STYLES = { bold: 'strong', italic: 'em', underline: 'u', strike: 's' };
export const OUTSIDE = { target: '_blank', rel: 'noopener noreferrer nofollow' };

export function richText(spans) {
  return spans.map(span);
}

/** Plain text whose first lines begin with "> ", as the page's own quotes do. html.rs makes the same. */
export function quotes(text) {
  const lines = text.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('> '));
  const count = end < 0 ? lines.length : end;
  if (!count) return text;
  const quoted = lines.slice(0, count).map((line) => line.slice(2)).join('\n');
  return [h('blockquote', {}, quoted), lines.slice(count).join('\n')];
}

function span(one) {
  switch (one.t) {
    case 'styled': return h(STYLES[one.style] ?? 'span', {}, richText(one.c));
    case 'link': return link(one.href, richText(one.c));
    case 'image': return link(one.src, [one.src]); // pictures of other servers are not loaded, only linked
    case 'code': return h('pre', {}, h('code', {}, one.v));
    case 'quote': return h('blockquote', {}, one.author && h('cite', {}, one.author), richText(one.c));
    default: return one.v ?? h('span', {}, richText(one.c ?? []));
  }
}

function link(href, content) {
  return /^(https?:\/\/|mailto:|tel:)/i.test(href) ? h('a', { href, ...OUTSIDE }, content) : h('span', {}, content);
}
