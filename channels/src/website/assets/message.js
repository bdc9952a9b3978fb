// One item of the conversation as an element: the twin of message.html.

import { h } from './dom.js';
import { OUTSIDE, quotes, richText } from './rich.js';

const BOX = 320; // the largest width and height a picture is shown in

/** `row` is an item as laid out by rows.js, `t` the texts. */
export function itemNode(row, t) {
  const message = row.kind === 'message';
  const attributes = {
    class: message ? `msg ${row.from}${row.head ? ' head' : ''}` : 'mark',
    'data-testid': 'message', 'data-id': row.id, 'data-key': row.key, 'data-kind': row.kind, 'data-from': row.from,
    'data-state': shownState(row), 'data-deleted': row.deleted && 'true',
  };
  return h('li', attributes, message ? messageParts(row, t) : h('p', {}, t[row.kind] ?? row.text));
}

export function dayNode(row) {
  return h('li', { class: 'day' }, h('time', { datetime: row.datetime }, row.label));
}

/** Own messages only, whatever an item carries. */
function shownState(row) {
  return row.from === 'visitor' ? row.state : undefined;
}

function messageParts(row, t) {
  const bubble = `bubble${row.files?.length ? ' with-files' : ''}`;
  return [
    row.head && row.from === 'operator' && initials(author(row, t)),
    h('p', { class: 'author' }, h('bdi', {}, author(row, t))),
    h('div', { class: bubble }, row.deleted ? h('p', { class: 'text stub' }, t.deleted) : content(row, t), meta(row, t), row.quote && quoteButton(row, t)),
    row.progress >= 0 && shownState(row) === 'sending' && progress(row, t),
    shownState(row) === 'failed' && !row.deleted && failure(row, t),
  ];
}

/** A circle for who writes: the portal tells no pictures. page.rs makes the same. */
function initials(name) {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? [];
  const first = [words[0], words.length > 1 && words[words.length - 1]].map((word) => (word ? Array.from(word)[0] : '')).join('');
  const tint = Array.from(name).reduce((sum, letter) => sum + letter.codePointAt(0), 0) % 6;
  return h('span', { class: `initials tint${tint}`, 'aria-hidden': 'true' }, first.toUpperCase());
}

function quoteButton(row, t) {
  return h('button', { type: 'button', class: 'quote', 'data-wish': 'quote', 'data-testid': 'quote', 'aria-label': t.quote, title: t.quote, tabindex: row.quote === 'last' ? '0' : '-1' });
}

function progress(row, t) {
  return h('div', { class: 'progress' },
    h('progress', { max: 100, value: row.progress, 'aria-label': t.uploading, 'data-testid': 'progress' }),
    h('button', { type: 'button', 'data-wish': 'discard', 'data-testid': 'cancel-upload' }, t.cancel));
}

function author(row, t) {
  return row.from === 'visitor' ? t.you : row.name || t[row.from];
}

function content(row, t) {
  const text = row.rich ? richText(row.rich) : row.from === 'visitor' ? quotes(row.text) : row.text;
  return [
    row.text && h('div', { class: 'text', 'data-testid': 'text', dir: 'auto' }, text),
    (row.files ?? []).map((file) => (file.image && file.url ? picture(file) : download(file, t))),
  ];
}

function picture(file) {
  const sized = file.width > 0 && file.height > 0;
  const scale = sized ? Math.min(BOX / file.width, BOX / file.height, 1) : 1;
  const [width, height] = sized ? [file.width * scale, file.height * scale].map(Math.round) : [BOX, BOX * 0.75];
  return h('a', { class: 'image', href: own(file.url), ...OUTSIDE, 'data-testid': 'file' },
    h('img', { class: !sized && 'unsized', alt: file.name, width, height, loading: 'lazy', src: own(file.url) }));
}

function download(file, t) {
  const href = file.url && own(file.url); // none while it is not at the server
  return h(href ? 'a' : 'span', { class: 'file', href, download: href && file.name, 'data-testid': 'file' },
    h('span', { class: 'file-name', dir: 'auto' }, file.name), ' ',
    h('span', { class: 'file-size' }, (href ? t.file_size : '{size}').replace('{size}', () => bytes(file.size, t))));
}

/** A size for people. */
export function bytes(size, t) {
  const mega = size >= 1048576;
  const shown = mega ? size / 1048576 : Math.max(size / 1024, 1);
  return `${shown.toLocaleString(undefined, { maximumFractionDigits: mega ? 1 : 0 })} ${mega ? t.megabytes : t.kilobytes}`;
}

/** Files are this server's own; any other address is none. */
function own(url) {
  const address = new URL(url, location.href);
  return address.origin === location.origin && address.href;
}

function meta(row, t) {
  const state = shownState(row);
  return h('p', { class: 'meta' },
    row.edited && !row.deleted && h('span', { class: 'edited' }, t.edited),
    h('time', { datetime: new Date(row.at).toISOString(), dir: 'auto' }, row.time),
    state && !row.deleted && h('span', { class: `state ${state}`, role: 'img', 'aria-label': t[`state_${state}`] }));
}

function failure(row, t) {
  const why = (row.lost && t.files_lost) || t[`refused_${row.reason}`] || t.failed;
  return h('form', { class: 'failed' }, h('span', {}, why), ' ',
    row.lost
      ? h('button', { type: 'button', 'data-wish': 'restore', 'data-testid': 'restore' }, t.choose_again)
      : h('button', { type: 'submit', 'data-testid': 'retry' }, t.retry),
    row.waiting && h('button', { type: 'button', 'data-wish': 'discard', 'data-testid': 'discard' }, t.discard));
}
