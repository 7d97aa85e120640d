// One conversation: what is said goes out in order and exactly once, what is answered comes in exactly once.
//
// A message waits in the outbox until the server has acknowledged it; sending it again with the same id is harmless.
// Replies come by the stream. While that fails, the answer is asked for by posting the message again with a wait.

import * as api from './api.js';
import * as keep from './keep.js';

const BACK_OFF_S = [1, 2, 4, 8, 15, 30];
const BUSY_S = 60;
const WAIT_S = 20;
const QUIET_MS = 8_000; // while an answer is due, the stream brings at least "đang kiểm tra" within this time
const MAX_CHARACTERS = 8000;

const CLOSED = 401;
const BUSY = 429;

/** Whether sending the same again may succeed: the network, a busy or ailing server; not a message it refuses. */
const passing = (error) => !(error instanceof api.Refused) || [CLOSED, BUSY].includes(error.status) || error.status >= 500;

export class Talk {
  #hear;
  #key = null;
  #closed = null; // the token of a conversation that the server does not know any more
  #outbox = keep.outbox();
  #open = new Map(); // our id → { message, stored }: acknowledged or just being sent, and not answered
  #answered = new Set(); // the server's ids of messages whose final reply came
  #seen = new Set(); // replies shown
  #after = 0; // the last reply of the stream, to resume from
  #stream = null;
  #live = null; // null: not known yet
  #heard = 0; // signs of life of the stream
  #hurry = false; // the next try to connect comes without a pause
  #busy = new Set(); // which of the loops run
  #pauses = new Set();

  /**
   * `hear` is told: restored(entries), said(message, state), state(message, state), reply(sent), waiting(yes),
   * connected(yes), renewed().
   */
  constructor(hear) {
    this.#hear = hear;
  }

  async start() {
    this.#key = keep.key();
    for (const message of this.#outbox) this.#hear.said(message, 'sending');
    if (this.#key) await this.#restore();
    this.#flush();
  }

  say(part) {
    const at = Math.max(Date.now(), (this.#outbox.at(-1)?.at ?? 0) + 1);
    const message = { id: newId(), kind: 'text', ...part, at };
    this.#hear.said(message, 'sending');
    this.#put(message);
  }

  /** Send a message that the server had refused, or stop waiting before the next try. */
  again(message) {
    this.#hear.state(message, 'sending');
    if (this.#outbox.some((waiting) => waiting.id === message.id)) this.nudge();
    else this.#put(message);
  }

  /** Try again now what waits for its next try. */
  nudge() {
    for (const resume of this.#pauses) resume();
  }

  /** Connect anew: after a change of network the old connection may be dead and not know it. */
  reconnect() {
    this.#hurry = true;
    this.rest();
    this.nudge();
  }

  /** Let go of the connection while the page is put aside. */
  rest() {
    this.#stream?.abort();
  }

  #put(message) {
    this.#outbox.push(message);
    keep.keepMessage(message);
    this.#flush();
  }

  /** Run `loop` unless it runs already. */
  async #once(name, loop) {
    if (this.#busy.has(name)) return;
    this.#busy.add(name);
    try {
      await loop();
    } finally {
      this.#busy.delete(name);
    }
  }

  #pause(seconds) {
    return new Promise((resolve) => {
      const resume = () => {
        clearTimeout(timer);
        this.#pauses.delete(resume);
        resolve();
      };
      const timer = setTimeout(resume, seconds * 1000 * (0.8 + Math.random() * 0.4));
      this.#pauses.add(resume);
    });
  }

  async #restore() {
    for (let tries = 0; this.#key; tries += 1) {
      try {
        this.#remember(await api.history(this.#key));
        this.#listen();
        return;
      } catch (error) {
        if (error.status === CLOSED) return this.#lose();
        this.#hear.connected(false);
        await this.#pause(backOff(tries));
      }
    }
  }

  #remember(entries) {
    const stored = new Set(entries.filter((entry) => entry.from === 'patron').map((entry) => entry.id));
    for (const message of this.#outbox.filter(({ id }) => stored.has(id))) {
      this.#drop(message);
      this.#hear.state(message, 'sent');
    }
    for (const entry of entries) {
      if (entry.from === 'patron') {
        const text = entry.text.slice(0, MAX_CHARACTERS);
        this.#open.set(entry.id, { message: { id: entry.id, kind: 'text', text }, stored: null, restored: true });
      } else {
        this.#note(entry);
        this.#after = Math.max(this.#after, entry.reply_id);
      }
    }
    this.#hear.restored(entries);
    this.#tellWaiting();
  }

  #flush() {
    return this.#once('flush', async () => {
      for (let tries = 0; this.#outbox.length; ) {
        const message = this.#outbox[0];
        try {
          await this.#send(message);
          tries = 0;
          this.#hear.connected(true);
        } catch (error) {
          this.#open.delete(message.id);
          if (error.status === CLOSED) this.#lose();
          if (!passing(error)) {
            this.#drop(message);
            this.#hear.state(message, 'failed');
          } else if (error.status !== CLOSED || tries > 0) {
            await this.#holdBack(error, tries);
          }
          tries += 1;
        }
        this.#tellWaiting();
      }
    });
  }

  async #holdBack(error, tries) {
    const busy = error.status === BUSY;
    for (const message of this.#outbox) this.#hear.state(message, busy ? 'busy' : 'queued');
    if (!busy) this.#hear.connected(false);
    this.#tellWaiting();
    await this.#pause(busy ? BUSY_S : backOff(tries));
    for (const message of this.#outbox) this.#hear.state(message, 'sending');
  }

  async #send(message) {
    const key = await this.#opened();
    this.#open.set(message.id, { message, stored: null });
    this.#tellWaiting();
    const { message: stored } = await api.post(key, message);
    this.#drop(message);
    this.#hear.state(message, 'sent');
    if (this.#answered.has(stored)) this.#open.delete(message.id); // the answer was faster than the acknowledgement
    else if (this.#open.has(message.id)) this.#open.get(message.id).stored = stored;
    if (this.#live === false) this.#poll();
    this.#expect(message);
  }

  #expect(message) {
    const before = this.#heard;
    setTimeout(() => {
      if (this.#open.has(message.id) && this.#live && this.#heard === before) this.reconnect();
    }, QUIET_MS);
  }

  /** Return the key; another tab may have opened the conversation meanwhile. */
  async #opened() {
    if (this.#key) return this.#key;
    const kept = keep.key();
    this.#key = kept && kept.token !== this.#closed ? kept : await api.open();
    keep.keepKey(this.#key);
    this.#listen();
    return this.#key;
  }

  #drop(message) {
    this.#outbox = this.#outbox.filter((waiting) => waiting.id !== message.id);
    keep.dropMessage(message.id);
  }

  #lose() {
    this.#closed = this.#key?.token;
    this.#key = null;
    this.#after = 0;
    this.#open.clear();
    this.#stream?.abort();
    this.nudge();
    this.#tellWaiting();
    this.#hear.renewed();
  }

  #listen() {
    return this.#once('listen', async () => {
      for (let tries = 0; this.#key; tries += 1) {
        const key = this.#key;
        const alive = () => {
          tries = 0;
          this.#heard += 1;
          this.#hurry = false;
          this.#setLive(true);
        };
        try {
          this.#stream = new AbortController();
          for await (const sent of api.replies(key, this.#after, { stop: this.#stream, alive })) {
            this.#after = sent.reply_id;
            this.#take(sent);
          }
        } catch (error) {
          if (error.status === CLOSED && key === this.#key) this.#lose();
        }
        if (key !== this.#key) continue;
        this.#setLive(false);
        if (!this.#hurry) await this.#pause(backOff(tries));
        this.#hurry = false;
      }
    });
  }

  #setLive(live) {
    if (live !== this.#live) this.#hear.connected(live || navigator.onLine);
    this.#live = live;
    if (!live) this.#poll();
  }

  /** Ask for answers by posting again while there is no stream; the stream's next failure starts it anew. */
  #poll() {
    return this.#once('poll', async () => {
      for (;;) {
        const waiting = [...this.#open.values()].find(({ stored, restored }) => stored || restored);
        if (this.#live || !this.#key || !waiting) return;
        try {
          const { message, replies } = await api.post(this.#key, waiting.message, WAIT_S);
          waiting.stored = message;
          replies.forEach((sent) => this.#take(sent));
        } catch {
          return;
        }
      }
    });
  }

  #take(sent) {
    const late = sent.kind === 'wait' && this.#answered.has(sent.message_id);
    if (this.#seen.has(sent.reply_id) || late) return;
    this.#note(sent);
    this.#hear.reply(sent);
    this.#tellWaiting();
  }

  #note({ reply_id: id, message_id: messageId, kind }) {
    this.#seen.add(id);
    if (kind !== 'final') return;
    this.#answered.add(messageId);
    // History does not say which message a reply answers. Messages are answered in order: it is the oldest of those.
    const open = [...this.#open.values()];
    const answered = open.find(({ stored }) => stored === messageId) ?? open.find(({ stored, restored }) => restored && !stored);
    this.#open.delete(answered?.message.id);
  }

  #tellWaiting() {
    this.#hear.waiting(this.#open.size > 0);
  }
}

/** Not crypto.randomUUID: a library's own network may serve the page without TLS, where browsers do not offer it. */
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function backOff(tries) {
  return BACK_OFF_S[Math.min(tries, BACK_OFF_S.length - 1)];
}
