// Rating: when the two buttons are shown, and how a vote looks. The server's twin is rating.rs.

const MARK = 'rate-'; // what keys of votes begin with, so that nothing that was only typed is taken for one
const SHOWN = { 1: '👍', 0: '👎' };

/** Whether the end of the conversation asks for a vote: a dialog was finished, and at its end the line said something. */
export function asked(items) {
  let [finished, said] = [false, false];
  for (const item of [...items].reverse()) {
    if (item.kind === 'dialog_finished') finished = true;
    else if (item.kind === 'message' && item.from === 'system') said = true;
    else break;
  }
  return finished && said;
}

/** An item as it is shown. */
export function seen(item) {
  return item.key?.startsWith(MARK) && SHOWN[item.text] ? { ...item, text: SHOWN[item.text] } : item;
}

export function voteKey() {
  return MARK + Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
