// The library's HTTP API. Replies come as server-sent events over fetch: EventSource cannot send a token.

const ANSWER_MS = 20_000;
const FIRST_BYTE_MS = 8_000; // a proxy that holds a stream back shows nothing at all
const SILENCE_MS = 40_000; // the server says something every 15 seconds

/** Return the calls to the library whose server stands at `base`, an address that ends in a slash. */
export function library(base) {
  /** Return the answer. A refusal is thrown as it came, with its `status`; any other error is a network that did not carry. */
  async function ask(key, path, signal, more) {
    const headers = { 'Content-Type': 'application/json', ...(key && { Authorization: `Bearer ${key.token}` }), ...more?.headers };
    const response = await fetch(`${base}api/conversations${path}`, { ...more, cache: 'no-store', headers, signal });
    if (!response.ok) throw response;
    return response;
  }

  const call = async (key, path, more, timeout = ANSWER_MS) => (await ask(key, path, AbortSignal.timeout(timeout), more)).json();

  return {
    /** Return the key to a new conversation: its id and its secret token. */
    open: () => call(null, '', { method: 'POST' }),

    history: (key) => call(key, `/${key.conversation}/history`),

    /** Store a message, the same id being the same message; with `wait`, return also the replies within so many seconds. */
    post(key, message, wait = 0) {
      const body = JSON.stringify({ id: message.id, [message.kind]: message[message.kind] });
      return call(key, `/${key.conversation}/messages?wait=${wait}`, { method: 'POST', body }, ANSWER_MS + wait * 1000);
    },

    /** Say whether the answer to a message helped. */
    rate: (key, message, helped) =>
      ask(key, `/${key.conversation}/messages/${message}/rating`, AbortSignal.timeout(ANSWER_MS), { method: 'POST', body: JSON.stringify({ helped }) }),

    /** Call `take` with each reply after `after`, until `stop` is aborted or the stream ends; `alive` at every sign of life. */
    async listen(key, after, { stop, alive, take }) {
      const giveUp = () => stop.abort();
      let timer = setTimeout(giveUp, FIRST_BYTE_MS);
      try {
        const response = await ask(key, `/${key.conversation}/events`, stop.signal, { headers: { 'Last-Event-ID': `${after}` } });
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        for (let unread = ''; ; ) {
          const { value, done } = await reader.read();
          if (done) return;
          clearTimeout(timer);
          timer = setTimeout(giveUp, SILENCE_MS);
          alive();
          const events = (unread + value).split(/\r?\n\r?\n/);
          unread = events.pop();
          for (const event of events) {
            // Comments, names and ids are passed over: a reply holds its own id.
            const data = /^data: ?([^\r\n]+)/m.exec(event);
            if (data) take(JSON.parse(data[1]));
          }
        }
      } finally {
        clearTimeout(timer);
        giveUp();
      }
    },
  };
}
