// One conversation: what is said goes out in order and exactly once, what is answered comes in exactly once.
//
// A message waits in the outbox until the server has acknowledged it; sending it again with the same id is harmless.
// Replies come by the stream. While that fails, the answer is asked for by posting the message again with a wait.

import * as keep from './keep.js';

const LONGEST_PAUSE_S = 30;
const BUSY_S = 60;
const WAIT_S = 20;
const QUIET_MS = 8_000; // while an answer is due, the stream brings at least "đang kiểm tra" within this time
const MAX_CHARACTERS = 8000;

const CLOSED = 401;
const BUSY = 429;

/** Whether sending the same again may succeed: the network, a busy or ailing server; not a message it refuses. */
const passing = ({ status }) => !status || status === CLOSED || status === BUSY || status >= 500;

/** Whether there is anything in the replies to show. A final reply without is a person's: they will read and answer. */
export const says = (replies) => replies.some((one) => one.text || one.buttons.length || one.cards.length);

/**
 * Return the deeds of one conversation. `api` is `library(base)` of api.js.
 * `hear` is told: restored(entries), said(message, state), state(message, state), reply(sent), waiting(yes),
 * connected(yes), renewed().
 */
export function talk(hear, api) {
  const open = new Map(); // our id → { message, stored }: acknowledged or just being sent, and not answered
  const answered = new Map(); // the server's id of a message → its final reply
  const seen = new Set(); // replies shown
  const running = new Map(); // each loop that runs → whether it is wanted once more
  const pauses = new Set();
  let outbox = keep.outbox();
  let key = keep.key();
  let closed; // the token of a conversation that the server does not know any more
  let after = 0; // the last reply of the stream, to resume from
  let stream;
  let live; // undefined: not known yet
  let heard = 0; // signs of life of the stream
  let hurry = false; // the next try to connect comes without a pause
  let left = false;

  /** Run `loop`; while it runs already, let it run once more afterwards: it may have looked before there was anything. */
  async function once(loop) {
    const runs = running.has(loop);
    running.set(loop, true);
    if (runs) return;
    try {
      while (running.get(loop)) {
        running.set(loop, false);
        await loop();
      }
    } finally {
      running.delete(loop);
    }
  }

  function pause(tries, seconds = Math.min(2 ** tries, LONGEST_PAUSE_S)) {
    return new Promise((resolve) => {
      const resume = () => {
        clearTimeout(timer);
        pauses.delete(resume);
        resolve();
      };
      const timer = setTimeout(resume, seconds * 1000 * (0.8 + Math.random() * 0.4));
      pauses.add(resume);
    });
  }

  /** Try again now what waits for its next try. */
  function nudge() {
    for (const resume of pauses) resume();
  }

  /** Let go of the connection while the page is put aside. */
  const rest = () => stream?.abort();

  /** Connect anew: after a change of network the old connection may be dead and not know it. */
  function reconnect() {
    hurry = true;
    rest();
    nudge();
  }

  const tellWaiting = () => hear.waiting(open.size > 0);

  function put(message) {
    outbox.push(message);
    keep.keepMessage(message);
    once(flush);
  }

  function drop(message) {
    outbox = outbox.filter(({ id }) => id !== message.id);
    keep.dropMessage(message.id);
  }

  async function restore() {
    for (let tries = 0; key; tries += 1) {
      try {
        const entries = await api.history(key);
        if (!left) remember(entries);
        once(listen);
        return;
      } catch (error) {
        if (left) return;
        if (error.status === CLOSED) return lose();
        hear.connected(false);
        await pause(tries);
      }
    }
  }

  function remember(entries) {
    for (const { from, id, message_id: stored, text } of entries) {
      if (from !== 'patron') continue;
      open.set(id, { message: { id, kind: 'text', text: text.slice(0, MAX_CHARACTERS) }, stored });
      for (const message of outbox) if (message.id === id) drop(message);
    }
    const replies = entries.filter(({ from }) => from === 'library');
    const handed = replies.map(note);
    after = Math.max(after, ...replies.map((sent) => sent.reply_id));
    hear.restored(entries);
    handed.forEach(tellHanded);
    tellWaiting();
  }

  async function flush() {
    for (let tries = 0; outbox.length; tries += 1) {
      const message = outbox[0];
      try {
        await send(message);
        tries = -1;
        hear.connected(true);
      } catch (error) {
        if (left) return;
        open.delete(message.id);
        if (error.status === CLOSED) lose();
        if (!passing(error)) {
          drop(message);
          hear.state(message, 'failed');
        } else if (error.status !== CLOSED || tries) {
          await holdBack(error.status === BUSY, tries);
        }
      }
      tellWaiting();
    }
  }

  async function holdBack(busy, tries) {
    for (const message of outbox) hear.state(message, busy ? 'busy' : 'queued');
    if (!busy) hear.connected(false);
    tellWaiting();
    await pause(tries, busy ? BUSY_S : undefined);
    for (const message of outbox) hear.state(message, 'sending');
  }

  async function send(message) {
    await begin();
    open.set(message.id, { message });
    tellWaiting();
    const { message: stored } = await api.post(key, message);
    if (left) return;
    drop(message);
    hear.state(message, 'sent');
    const entry = open.get(message.id);
    if (entry) entry.stored = stored;
    if (answered.has(stored)) tellHanded(note(answered.get(stored))); // the answer was faster than the acknowledgement
    if (live === false) once(poll);
    const before = heard;
    setTimeout(() => {
      if (open.has(message.id) && live && heard === before) reconnect();
    }, QUIET_MS);
  }

  /** See that there is a key; another tab may have opened the conversation meanwhile. */
  async function begin() {
    if (key) return;
    const kept = keep.key();
    const opened = kept && kept.token !== closed ? kept : await api.open();
    if (left) throw new Error('the conversation was left');
    key = opened;
    keep.keepKey(key);
    once(listen);
  }

  function lose() {
    closed = key?.token;
    key = null;
    after = 0;
    open.clear();
    rest();
    nudge();
    tellWaiting();
    hear.renewed();
  }

  async function listen() {
    for (let tries = 0; key; tries += 1) {
      const mine = key;
      const alive = () => {
        tries = 0;
        heard += 1;
        hurry = false;
        setLive(true);
      };
      try {
        stream = new AbortController();
        await api.listen(key, after, { stop: stream, alive, take: (sent) => {
          after = sent.reply_id;
          take(sent);
        } });
      } catch (error) {
        if (error.status === CLOSED && mine === key) lose();
      }
      if (mine !== key) continue;
      setLive(false);
      if (!hurry) await pause(tries);
      hurry = false;
    }
  }

  function setLive(yes) {
    if (yes !== live) hear.connected(yes || navigator.onLine);
    live = yes;
    if (!live) once(poll);
  }

  /** Ask for answers by posting again while there is no stream; the stream's next failure starts it anew. */
  async function poll() {
    for (;;) {
      const waiting = [...open.values()].find(({ stored }) => stored);
      if (live || !key || !waiting) return;
      try {
        const { replies } = await api.post(key, waiting.message, WAIT_S);
        if (!left) replies.forEach(take);
      } catch {
        return;
      }
    }
  }

  function take(sent) {
    const late = sent.kind === 'wait' && answered.has(sent.message_id);
    if (seen.has(sent.reply_id) || late) return;
    const handed = note(sent);
    hear.reply(sent);
    tellHanded(handed);
    tellWaiting();
  }

  /** Take down the reply; return the message that it hands to a person, if it does. */
  function note(sent) {
    seen.add(sent.reply_id);
    if (sent.kind !== 'final') return undefined;
    answered.set(sent.message_id, sent);
    const entry = [...open.values()].find(({ stored }) => stored === sent.message_id);
    open.delete(entry?.message.id);
    return says(sent.replies) ? undefined : entry?.message;
  }

  function tellHanded(message) {
    if (message) hear.state(message, 'handed');
  }

  return {
    start() {
      for (const message of outbox) hear.said(message, 'sending');
      restore().then(() => once(flush));
    },

    say(part) {
      const at = Math.max(Date.now(), (outbox.at(-1)?.at ?? 0) + 1);
      const message = { id: newId(), kind: 'text', ...part, at };
      hear.said(message, 'sending');
      put(message);
    },

    /** Send a message that the server had refused, or stop waiting before the next try. */
    again(message) {
      hear.state(message, 'sending');
      if (outbox.some(({ id }) => id === message.id)) nudge();
      else put(message);
    },

    rate: (message, helped) => api.rate(key, message, helped),

    /** End this conversation on this device: nothing is sent or heard any more. */
    leave() {
      left = true;
      key = null;
      outbox = [];
      open.clear();
      rest();
      nudge();
    },

    nudge,
    reconnect,
    rest,
  };
}

/** Not crypto.randomUUID: a library's own network may serve the page without TLS, where browsers do not offer it. */
const newId = () => crypto.getRandomValues(new Uint32Array(4)).join('-');
