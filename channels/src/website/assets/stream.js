// Server-sent events, read by hand: unlike EventSource this sees statuses and heartbeats, and a lost session is renewed.

export const readable = 'body' in Response.prototype && 'TextDecoder' in window;

/** The answers that come, and null for each sign of life between them. */
export async function* events(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + decoder.decode(value, { stream: true })).split('\n\n');
    rest = blocks.pop();
    yield* blocks.map(answer);
  }
}

function answer(block) {
  const data = block.split('\n').find((line) => line.startsWith('data:'));
  return data ? JSON.parse(data.slice(5)) : null;
}
