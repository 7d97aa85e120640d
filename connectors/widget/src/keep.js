// What this browser keeps: the key to the conversation, the language, what was read, and messages not sent yet.
// A browser that refuses storage gets a memory that lasts as long as the page.

const PREFIX = 'thuthu.';
const OUTBOX = 'outbox.';

let storage = {};
try {
  storage = localStorage;
} catch {
  // It stays that memory.
}

function read(name) {
  try {
    return JSON.parse(storage[PREFIX + name]);
  } catch {
    return null;
  }
}

function write(name, value) {
  try {
    storage[PREFIX + name] = JSON.stringify(value);
  } catch {
    // The storage is full: the value lives as long as the page.
  }
}

const drop = (name) => delete storage[PREFIX + name];
const names = () => Object.keys(storage).filter((name) => name.startsWith(PREFIX)).map((name) => name.slice(PREFIX.length));

/** The conversation's id and token, or null. */
export const key = () => read('key');
export const keepKey = (opened) => write('key', opened);

export const keepLanguage = (language) => { storage[`${PREFIX}language`] = language; };

/** The newest reply that was looked at. */
export const seen = () => read('seen') ?? 0;
export const keepSeen = (replyId) => write('seen', replyId);

/** Keep how many replies wait to be looked at: the button on the next page shows it before anything is loaded. */
export const keepUnread = (count) => (count ? write('unread', count) : drop('unread'));

/** Messages not yet acknowledged, in the order they were written. One entry each, so that two tabs lose none. */
export const outbox = () => names().filter((name) => name.startsWith(OUTBOX)).map(read).sort((one, other) => one.at - other.at);
export const keepMessage = (message) => write(OUTBOX + message.id, message);
export const dropMessage = (id) => drop(OUTBOX + id);

/** Leave nothing of the conversation on this device. */
export const forget = () => names().filter((name) => name !== 'language').forEach(drop);

/** Call back when another tab deleted the conversation from this device, or looked at what is new. */
export function onElsewhere(forgotten, looked) {
  addEventListener('storage', ({ key: name, newValue }) => {
    if (name === `${PREFIX}key` && newValue === null) forgotten();
    if (name === `${PREFIX}seen`) looked();
  });
}
