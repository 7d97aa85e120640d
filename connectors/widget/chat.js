// The page: introduces the conversation to the screen and the keyboard.

import * as keep from './keep.js';
import { Talk } from './talk.js';
import { label, speak, spoken, text } from './texts.js';
import * as view from './view.js';

const LIMIT = 8000;
const ROOM_SHOWN = 500; // the counter appears when so few characters are left

const find = (id) => document.getElementById(id);
const words = find('words');
const library = find('library');
const suggestions = find('suggestions');
const forgetting = find('forgetting');

const talk = new Talk({
  restored: showHistory,
  said: (message, state) => {
    suggestions.hidden = true;
    view.showPatron(message, state);
    showState(message, state);
  },
  state: showState,
  reply: (sent) => {
    view.showReply(sent, press);
    markUnread();
  },
  waiting: view.showTyping,
  connected: (yes) => { find('connection').textContent = yes ? '' : text('offline'); },
  renewed: () => {
    view.retireButtons();
    view.showNote('renewed');
  },
});

function showState(message, state) {
  const stuck = ['queued', 'busy', 'failed'].includes(state);
  view.setState(message, state, stuck ? () => talk.again(message) : undefined);
}

function showHistory(entries) {
  if (entries.length) suggestions.hidden = true;
  view.above(() => {
    for (const entry of entries) {
      const at = new Date(entry.at);
      if (entry.from === 'library') view.showReply(entry, press, { at, quiet: true });
      else if (entry.text) view.showPatron(entry, 'sent', at);
      if (entry.kind === 'payload') view.markUsed(entry.text);
    }
  });
  view.toEnd();
}

function press({ payload, title }) {
  talk.say({ kind: 'payload', payload, text: title });
}

// Writing

const written = () => words.value.normalize('NFC').trim();
const overLimit = () => [...written()].length - LIMIT;

function send() {
  if (!written() || overLimit() > 0) return;
  talk.say({ text: written() });
  words.value = '';
  fit();
}

/** Make the box as tall as its text, show how much room is left, and allow sending what can be sent. */
function fit() {
  words.style.height = 'auto';
  words.style.height = `${words.scrollHeight + 2}px`;
  const over = overLimit();
  find('send').disabled = !written() || over > 0;
  words.setAttribute('aria-invalid', String(over > 0));
  const room = find('room');
  room.textContent = over > 0 ? text('tooLong', over) : over > -ROOM_SHOWN ? text('roomLeft', -over) : '';
  room.classList.toggle('over', over > 0);
}

words.addEventListener('input', fit);
words.addEventListener('keydown', (event) => {
  // Enter that ends a word in a Vietnamese input method belongs to the method; some browsers tell it only by 229.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  send();
});
find('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  send();
  words.focus();
});

// Language

function showLanguage() {
  document.documentElement.lang = spoken();
  library.textContent = library.dataset[spoken()];
  label(document);
  const other = find('language');
  other.textContent = text('otherLanguage');
  other.setAttribute('aria-label', text('otherLanguageName'));
  document.title = title();
  suggestions.replaceChildren(...text('quick').map(suggestion));
  fit();
}

function suggestion(words) {
  const button = view.element('button', { type: 'button', class: 'choice' }, words);
  button.addEventListener('click', () => talk.say({ text: words }));
  return button;
}

find('language').addEventListener('click', () => {
  speak(spoken() === 'vi' ? 'en' : 'vi');
  keep.keepLanguage(spoken());
  showLanguage();
});

// The tab tells of an answer that came while nobody looked

let unread = false;

const title = () => `${unread ? '● ' : ''}${text('assistant')} · ${library.textContent}`;

function markUnread() {
  unread = document.hidden;
  document.title = title();
}

// Menu

const menu = find('menu');

function closeMenu() {
  if (!menu.open) return;
  menu.open = false;
  menu.querySelector('summary').focus();
}

menu.addEventListener('keydown', (event) => { if (event.key === 'Escape') closeMenu(); });
document.addEventListener('click', (event) => { if (!menu.contains(event.target)) menu.open = false; });
find('print').addEventListener('click', () => {
  closeMenu();
  print();
});
find('forget').addEventListener('click', () => {
  closeMenu();
  forgetting.showModal();
});
find('keep').addEventListener('click', () => forgetting.close());
find('forget-now').addEventListener('click', () => {
  keep.forget();
  location.reload();
});
keep.onForgotten(() => location.reload());

// Coming and going

const latest = find('latest');
latest.addEventListener('click', view.toEnd);
addEventListener('scroll', () => { if (view.atEnd()) latest.hidden = true; }, { passive: true });
addEventListener('online', () => talk.reconnect());
addEventListener('offline', () => { find('connection').textContent = text('offline'); });
addEventListener('pagehide', () => talk.rest());
addEventListener('pageshow', (event) => { if (event.persisted) talk.reconnect(); });
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  talk.nudge();
  markUnread();
});

speak(keep.language()); // Vietnamese until somebody chooses: many browsers in Vietnam ask for English unasked
view.greet();
showLanguage();
talk.start();
