// The list of what was said: bubbles, buttons, cards, and the state of each message.

import { blocks, inline, languageOf, link, webAddress } from './richtext.js';
import { label, text } from './texts.js';

const ANNOUNCED = 3; // kept in the live region; the oldest goes

const log = document.getElementById('log');
const typing = document.getElementById('typing');
const latest = document.getElementById('latest');
const announcer = document.getElementById('announcer');

const messages = new Map(); // our id → its element
const waits = new Map(); // the server's id of a message → the "đang kiểm tra" said to it

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Speak to a screen reader without showing anything. */
export function announce(words) {
  announcer.append(element('p', { lang: languageOf(words) }, words));
  while (announcer.childElementCount > ANNOUNCED) announcer.firstElementChild.remove();
}

export function showTyping(yes) {
  const wasAtEnd = atEnd();
  typing.hidden = !yes;
  if (yes && wasAtEnd) toEnd();
}

/** Show the greeting that opens every conversation; it is the page's own and follows its language. */
export function greet() {
  const bubble = element('p', { 'data-text': 'greeting' });
  label(bubble);
  log.append(frame('library', element('div', { class: 'bubble' }, bubble)));
}

/** Let `show` add what was said earlier, below the greeting and above what was written since. */
export function above(show) {
  const since = [...log.children].slice(1);
  show();
  log.append(...since);
}

export function showPatron(message, state, at = new Date(message.at)) {
  const shown = messages.get(message.id);
  if (shown) return shown;
  const bubble = element('div', { class: 'bubble', lang: languageOf(message.text) }, element('p', {}, message.text));
  const item = frame('patron', bubble, element('p', { class: 'meta' }, time(at), element('span', { class: 'state' })));
  messages.set(message.id, item);
  log.append(item);
  toEnd();
  setState(message, state);
  return item;
}

/** Show what became of a message; `again`, when given, is offered as a button. */
export function setState(message, state, again) {
  const place = messages.get(message.id)?.querySelector('.state');
  if (!place || place.dataset.state === state) return;
  place.dataset.state = state;
  place.replaceChildren();
  if (!again) return;
  const button = element('button', { type: 'button', class: 'again', 'data-text': 'again' });
  button.addEventListener('click', again);
  place.append(element('span', { 'data-text': state }), ' ', button);
  label(place);
  announce(text(state));
}

/** Show a reply of the library. `press(button)` is called for a pressed button; `quiet` says nothing aloud. */
export function showReply(sent, press, { at = new Date(), quiet = false } = {}) {
  const wasAtEnd = atEnd();
  waits.get(sent.message_id)?.remove();
  const said = sent.replies.filter((reply) => reply.text || reply.buttons.length || reply.cards.length);
  if (!said.length) return;
  const parts = said.flatMap((reply) => replyParts(reply, press));
  const item = frame('library', ...parts, element('p', { class: 'meta' }, time(at)));
  item.classList.toggle('wait', sent.kind === 'wait');
  if (sent.kind === 'wait') waits.set(sent.message_id, item);
  log.append(item);
  choosePrinted(item.querySelector('.card:last-child'));
  if (quiet) return;
  announce(aloud(said));
  if (wasAtEnd) item.scrollIntoView({ block: item.offsetHeight > innerHeight / 2 ? 'start' : 'end' });
  else latest.hidden = false;
}

/** Show a line of the page itself between the messages. */
export function showNote(key) {
  const note = element('p', { class: 'note', 'data-text': key });
  label(note);
  log.append(note);
  announce(note.textContent);
  toEnd();
}

/** Mark the newest unused button of this title as pressed: history tells what was chosen, not where. */
export function markUsed(title) {
  const buttons = [...log.querySelectorAll('button.choice')].reverse();
  const pressed = buttons.find((button) => button.dataset.title === title && !isUsed(button));
  if (pressed) use(pressed);
}

/** Nothing said so far can be pressed any more: the server does not know its buttons. */
export function retireButtons() {
  for (const button of log.querySelectorAll('button.choice')) button.setAttribute('aria-disabled', 'true');
}

export function toEnd() {
  scrollTo({ top: document.documentElement.scrollHeight });
}

export function atEnd() {
  const page = document.documentElement;
  return page.scrollHeight - innerHeight - scrollY < 120;
}

function frame(who, ...parts) {
  const speaker = element('p', { class: 'unseen', 'data-text': who === 'patron' ? 'you' : 'library' });
  label(speaker);
  return element('article', { class: `message ${who}` }, speaker, ...parts);
}

function replyParts(reply, press) {
  const parts = [];
  const lang = languageOf(reply.text);
  if (reply.text) parts.push(element('div', { class: 'bubble', lang }, blocks(reply.text)));
  if (reply.cards.length) parts.push(element('ol', { class: 'cards' }, ...reply.cards.map((one) => card(one, press))));
  if (reply.buttons.length) parts.push(choices(reply.buttons, press));
  return parts;
}

function card({ title, subtitle, lines, buttons }, press) {
  const item = element('li', { class: 'card', lang: languageOf(title) }, element('h3', {}, title));
  if (subtitle) item.append(element('p', { class: 'subtitle' }, ...inline(subtitle)));
  if (lines.length) item.append(element('ul', {}, ...lines.map((line) => element('li', {}, ...inline(line)))));
  const row = choices(buttons, press);
  const print = element('button', { type: 'button', class: 'plain print', 'data-text': 'printThis' });
  print.addEventListener('click', () => {
    choosePrinted(item);
    window.print();
  });
  row.append(print);
  label(row);
  item.append(row);
  return item;
}

/** The page prints one card, the last one shown or the one chosen. */
function choosePrinted(card) {
  if (!card) return;
  for (const other of log.querySelectorAll('.printed')) other.classList.remove('printed');
  card.classList.add('printed');
  document.body.classList.add('has-card');
}

function choices(buttons, press) {
  return element('div', { class: 'choices' }, ...buttons.map((button) => choice(button, press)));
}

function choice({ title, payload, url }, press) {
  if (payload === null) return outside(title, url);
  const button = element('button', { type: 'button', class: 'choice', 'data-title': title }, title);
  button.addEventListener('click', () => {
    if (isUsed(button)) return;
    use(button);
    press({ payload, title });
  });
  return button;
}

function outside(title, url) {
  const address = webAddress(url);
  if (!address) return element('span', { class: 'choice' }, title);
  const anchor = link(address, title);
  const hint = element('span', { class: 'unseen', 'data-text': 'newTab' });
  anchor.className = 'choice';
  anchor.append(' ', hint, element('span', { 'aria-hidden': 'true' }, '↗'));
  label(anchor);
  return anchor;
}

// Not `disabled`: that would take the focus away from under a keyboard user's hands.
const isUsed = (button) => button.getAttribute('aria-disabled') === 'true';

function use(button) {
  const hint = element('span', { class: 'unseen', 'data-text': 'used' });
  label(hint);
  button.setAttribute('aria-disabled', 'true');
  button.classList.add('used');
  button.append(' ', hint);
}

function aloud(said) {
  const count = said.reduce((sum, reply) => sum + reply.cards.length, 0);
  const titles = said.flatMap((reply) => reply.buttons.map((button) => button.title)).join(', ');
  return [
    ...said.map((reply) => reply.text),
    count ? text('results', count) : '',
    titles ? text('choices', titles) : '',
  ].filter(Boolean).join('\n');
}

function time(at) {
  const two = (number) => String(number).padStart(2, '0');
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}`;
  const today = at.toDateString() === new Date().toDateString();
  return element('time', { datetime: at.toISOString() }, today ? clock : `${at.getDate()}/${at.getMonth() + 1}, ${clock}`);
}
