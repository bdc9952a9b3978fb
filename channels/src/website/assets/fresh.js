// Fresh addresses of a message's files: in a frame they need no session, so they are good for minutes only.

const ONCE = 5000; // a picture that still does not come is asked for again after so long

const asked = new Map(); // when, by message

/** `event` is a click on a file's link, or the error of the picture in it. */
export async function fresh({ type, target }, chat) {
  const link = target.closest('a');
  const node = link.closest('[data-id]');
  const index = [...node.querySelectorAll('[data-testid=file]')].indexOf(link);
  const { id } = node.dataset;
  const clicked = type === 'click';
  if (!clicked && Date.now() - asked.get(id) < ONCE) return;
  asked.set(id, Date.now());
  const one = link.cloneNode(); // the address that was shown is better than nothing
  try {
    const { item } = await chat.api.call(`/messages/${id}`);
    chat.take([item]);
    const url = item.files?.[index]?.url;
    if (!url) return; // deleted meanwhile
    one.href = url;
    if (!clicked) target.src = url; // also when it is the same as before
  } catch (error) {
    if (error.status === 404) return;
  }
  if (clicked) one.click();
}
