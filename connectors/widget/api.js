// The library's HTTP API. Replies come as server-sent events over fetch: EventSource cannot send a token.

const BASE = '/api/conversations';
const ANSWER_MS = 20_000;
const FIRST_BYTE_MS = 8_000; // a proxy that holds a stream back shows nothing at all
const SILENCE_MS = 40_000; // the server says something every 15 seconds

/** The server answered, and not with success. Any other error is a network that did not carry. */
export class Refused extends Error {
  constructor(status) {
    super(`the library's server answered ${status}`);
    this.status = status;
  }
}

async function call(path, { key, timeout = ANSWER_MS, ...request }) {
  const response = await fetch(BASE + path, { ...request, headers: headers(key), signal: AbortSignal.timeout(timeout) });
  if (!response.ok) throw new Refused(response.status);
  return response.json();
}

function headers(key, more) {
  return { 'Content-Type': 'application/json', ...(key && { Authorization: `Bearer ${key.token}` }), ...more };
}

/** Return the key to a new conversation: its id and its secret token. */
export const open = () => call('', { method: 'POST' });

export const history = (key) => call(`/${key.conversation}/history`, { key });

/** Store a message, the same id being the same message; with `wait`, return also the replies within so many seconds. */
export function post(key, { id, kind, text, payload }, wait = 0) {
  const body = JSON.stringify(kind === 'payload' ? { id, payload } : { id, text });
  return call(`/${key.conversation}/messages?wait=${wait}`, { method: 'POST', key, body, timeout: ANSWER_MS + wait * 1000 });
}

/**
 * Yield replies as they are said, from the one after `after` on, until `stop` is aborted.
 * `alive` is called at every sign of life.
 */
export async function* replies(key, after, { stop, alive }) {
  let timer = setTimeout(() => stop.abort(), FIRST_BYTE_MS);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), SILENCE_MS);
    alive();
  };
  try {
    const response = await fetch(`${BASE}/${key.conversation}/events`, {
      headers: headers(key, { Accept: 'text/event-stream', 'Last-Event-ID': String(after) }),
      cache: 'no-store',
      signal: stop.signal,
    });
    if (!response.ok) throw new Refused(response.status);
    for await (const data of events(lines(response.body, heard))) yield JSON.parse(data);
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

async function* lines(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let unread = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    heard();
    // A lone \r at the end may be half of a line's end: it waits for the rest.
    const whole = (unread + value).split(/\r\n|\n|\r(?!$)/);
    unread = whole.pop();
    yield* whole;
  }
}

/** Yield the data of each event; comments, names and ids are passed over (a reply holds its own id). */
async function* events(lines) {
  let data = [];
  for await (const line of lines) {
    if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
    if (line !== '' || !data.length) continue;
    yield data.join('\n');
    data = [];
  }
}
