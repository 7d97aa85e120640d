// What this browser keeps: the key to the conversation, the language, and messages not sent yet.
// A browser that refuses storage gets a memory that lasts as long as the page.

const PREFIX = 'thuthu.';
const OUTBOX = `${PREFIX}outbox.`;

const storage = usable() ? localStorage : forgetful();

function usable() {
  try {
    localStorage.setItem(`${PREFIX}try`, '');
    localStorage.removeItem(`${PREFIX}try`);
    return true;
  } catch {
    return false;
  }
}

function forgetful() {
  const kept = new Map();
  return {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => kept.set(name, value),
    removeItem: (name) => kept.delete(name),
    key: (index) => [...kept.keys()][index] ?? null,
    get length() { return kept.size; },
  };
}

function read(name) {
  try {
    return JSON.parse(storage.getItem(name));
  } catch {
    return null;
  }
}

function names(prefix) {
  return Array.from({ length: storage.length }, (_, index) => storage.key(index)).filter((name) => name.startsWith(prefix));
}

/** The conversation's id and token, or null. */
export const key = () => read(`${PREFIX}key`);
export const keepKey = (opened) => storage.setItem(`${PREFIX}key`, JSON.stringify(opened));

export const language = () => storage.getItem(`${PREFIX}language`);
export const keepLanguage = (language) => storage.setItem(`${PREFIX}language`, language);

/** Messages not yet acknowledged, in the order they were written. One entry each, so that two tabs lose none. */
export const outbox = () => names(OUTBOX).map(read).filter(Boolean).sort((one, other) => one.at - other.at);
export const dropMessage = (id) => storage.removeItem(OUTBOX + id);

export function keepMessage(message) {
  try {
    storage.setItem(OUTBOX + message.id, JSON.stringify(message));
  } catch {
    // The storage is full: the message lives as long as the page.
  }
}

/** Leave nothing of the conversation on this device. */
export function forget() {
  const conversation = names(PREFIX).filter((name) => name !== `${PREFIX}language`);
  conversation.forEach((name) => storage.removeItem(name));
}

/** Call back when another tab deleted the conversation from this device. */
export function onForgotten(callback) {
  addEventListener('storage', (event) => {
    if (event.key === `${PREFIX}key` && event.newValue === null) callback();
  });
}
