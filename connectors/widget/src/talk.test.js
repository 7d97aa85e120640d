import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { talk } from './talk.js';

const KEY = { conversation: 'c', token: 't' };

/** A library whose answers a test writes: posts are recorded, the stream is held open until it is told to speak or fail. */
function library({ history = [], post } = {}) {
  const posted = [];
  const streams = [];
  return {
    posted,
    streams,
    open: vi.fn(async () => KEY),
    history: async () => history,
    async post(_key, message, wait) {
      posted.push(message.text);
      return post ? post(message, wait) : { message: `stored-${message.text}`, replies: [] };
    },
    listen: (_key, after, { stop, alive, take }) => new Promise((resolve, fail) => {
      streams.push({ after, alive, take, fail });
      stop.signal.addEventListener('abort', resolve);
    }),
  };
}

function listener() {
  const heard = [];
  const hear = {};
  for (const name of ['restored', 'said', 'state', 'reply', 'waiting', 'connected', 'renewed']) {
    hear[name] = (...what) => heard.push([name, ...what]);
  }
  const told = (name) => heard.filter(([one]) => one === name).map(([, ...what]) => what);
  return { hear, told, states: () => told('state').map(([message, state]) => `${message.text}: ${state}`) };
}

const reply = (id, to, kind = 'final', text = 'chào') => ({
  reply_id: id, message_id: to, kind, replies: text ? [{ text, buttons: [], cards: [] }] : [],
});
const settle = () => vi.advanceTimersByTimeAsync(0);
const refused = (status) => Object.assign(new Error('refused'), { status });

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
});
afterEach(() => vi.useRealTimers());

test('what is said is sent in order, in one conversation, and kept until it is acknowledged', async () => {
  const api = library();
  const { hear, states } = listener();
  const one = talk(hear, api);
  one.start();
  one.say({ text: 'một' });
  one.say({ text: 'hai' });
  expect(Object.keys(localStorage).filter((name) => name.includes('outbox'))).toHaveLength(2);
  await settle();
  expect(api.posted).toEqual(['một', 'hai']);
  expect(api.open).toHaveBeenCalledOnce();
  expect(states()).toEqual(['một: sent', 'hai: sent']);
  expect(Object.keys(localStorage)).toEqual(['thuthu.key']);
});

test('what is said at any moment is sent', async () => {
  for (let ticks = 0; ticks < 12; ticks += 1) {
    localStorage.clear();
    const api = library();
    const one = talk(listener().hear, api);
    one.start();
    for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
    one.say({ text: 'một' });
    await settle();
    expect(api.posted, `after ${ticks} ticks`).toEqual(['một']);
  }
});

test('without a network it waits, longer each time, and a nudge ends the wait', async () => {
  let network = false;
  const api = library({ post: async (message) => {
    if (!network) throw new TypeError('no network');
    return { message: message.id, replies: [] };
  } });
  const { hear, states, told } = listener();
  const one = talk(hear, api);
  one.start();
  one.say({ text: 'một' });
  await settle();
  expect(states()).toEqual(['một: queued']);
  expect(told('connected').at(-1)).toEqual([false]);
  await vi.advanceTimersByTimeAsync(1300);
  expect(api.posted).toHaveLength(2);
  network = true;
  one.nudge();
  await settle();
  expect(states().at(-1)).toBe('một: sent');
  expect(api.posted).toHaveLength(3);
});

test('a refused message holds up no other and may be sent again', async () => {
  let refuse = true;
  const api = library({ post: async (message) => {
    if (refuse && message.text === 'một') throw refused(422);
    return { message: message.id, replies: [] };
  } });
  const { hear, states, told } = listener();
  const one = talk(hear, api);
  one.start();
  one.say({ text: 'một' });
  one.say({ text: 'hai' });
  await settle();
  expect(states()).toEqual(['một: failed', 'hai: sent']);
  refuse = false;
  one.again(told('said')[0][0]);
  await settle();
  expect(states().at(-1)).toBe('một: sent');
});

test('a busy library is given a minute', async () => {
  let busy = true;
  const api = library({ post: async (message) => {
    if (busy) throw refused(429);
    return { message: message.id, replies: [] };
  } });
  const { hear, states } = listener();
  const one = talk(hear, api);
  one.start();
  one.say({ text: 'một' });
  await settle();
  expect(states()).toEqual(['một: busy']);
  busy = false;
  await vi.advanceTimersByTimeAsync(40_000);
  expect(api.posted).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(40_000);
  expect(states().at(-1)).toBe('một: sent');
});

test('the stream resumes after the last reply, and what comes twice is shown once', async () => {
  const api = library();
  const { hear, told } = listener();
  const one = talk(hear, api);
  one.start();
  one.say({ text: 'một' });
  await settle();
  const [stream] = api.streams;
  stream.alive();
  stream.take(reply(5, 'stored-một'));
  stream.take(reply(5, 'stored-một'));
  stream.take(reply(6, 'stored-một', 'wait', 'đợi chút')); // too late to say
  expect(told('reply').map(([sent]) => sent.reply_id)).toEqual([5]);
  expect(told('waiting').at(-1)).toEqual([false]);
  stream.fail(new TypeError('gone'));
  await vi.advanceTimersByTimeAsync(1300);
  expect(api.streams[1].after).toBe(6);
});

test('without a stream the answer is asked for by posting again', async () => {
  const api = library({ post: async (message, wait) => ({ message: 's', replies: wait ? [reply(9, 's')] : [] }) });
  const { hear, told } = listener();
  const one = talk(hear, api);
  one.start();
  one.say({ text: 'một' });
  await settle();
  api.streams[0].fail(new TypeError('no stream'));
  await settle();
  expect(told('reply').map(([sent]) => sent.reply_id)).toEqual([9]);
});

test('a final reply without words hands the message to a person, now and from history', async () => {
  const api = library();
  const { hear, states } = listener();
  const one = talk(hear, api);
  one.start();
  one.say({ text: 'một' });
  await settle();
  api.streams[0].take(reply(1, 'stored-một', 'final', ''));
  expect(states()).toEqual(['một: sent', 'một: handed']);

  const past = [{ from: 'patron', id: 'a', message_id: 'm', kind: 'text', text: 'cũ', at: '2026-11-22T10:00:00+07:00' }, { from: 'library', ...reply(2, 'm', 'final', '') }];
  const later = listener();
  talk(later.hear, library({ history: past })).start();
  await settle();
  expect(later.states()).toEqual(['cũ: handed']);
});

test('a conversation the library does not know is opened anew', async () => {
  localStorage.setItem('thuthu.key', JSON.stringify({ conversation: 'old', token: 'old' }));
  const api = library();
  api.history = async () => { throw refused(401); };
  const { hear, told } = listener();
  const one = talk(hear, api);
  one.start();
  await settle();
  expect(told('renewed')).toHaveLength(1);
  one.say({ text: 'một' });
  await settle();
  expect(JSON.parse(localStorage.getItem('thuthu.key'))).toEqual(KEY);
  expect(api.posted).toEqual(['một']);
});

test('after leaving, nothing is sent or kept', async () => {
  let answer;
  const api = library();
  api.open = () => new Promise((resolve) => { answer = resolve; });
  const { hear } = listener();
  const one = talk(hear, api);
  one.start();
  one.say({ text: 'một' });
  await settle();
  one.leave();
  answer(KEY);
  await settle();
  expect(api.posted).toEqual([]);
  expect(localStorage.getItem('thuthu.key')).toBe(null);
});
