// What the panel shows and what may be done in it: one chat a page. Every change is followed by a drawing of the whole.

import * as keep from './keep.js';
import { languageOf } from './richtext.jsx';
import { says, talk } from './talk.js';
import * as texts from './texts.js';
import { speak, spoken, text } from './texts.js';

const LIMIT = 8000;
const ROOM_SHOWN = 500; // the counter appears when so few characters are left
const ANNOUNCED = 3; // kept in the live region; the oldest goes
const NEAR_END = 120; // pixels
const BY_FINGER = '(pointer: coarse)'; // a keyboard that comes up unasked would hide what was said

export let entries = []; // what was said: { key, from: 'patron' | 'library' | 'note', … }
export let announced = []; // what a screen reader is told
export let shown = false;
export let typing = false;
export let offline = false;
export let newBelow = false; // something was said below what is in sight
export let forgetting = false; // asked whether it is meant
export let over = -LIMIT; // characters beyond the limit
export let printed; // the card that goes on paper
export let page; // whether the chat is a page of its own
export let library = {}; // once it has introduced itself: { name, greeting, quick, demo }, each in both languages
export let panel; // elements, once drawn
export let words;

const used = new Set(); // tokens of pressed buttons
let current; // the talk
let given;

/**
 * Begin. `told` hears unread(count), language(spoken), opened(yes, byPatron); `drawing` draws the whole.
 * All given: { api, host, page, language, told, drawing }.
 */
export function begin(all) {
  given = all;
  page = all.page;
  draw();
  speakIn(all.language);
  talkAnew();
}

function talkAnew() {
  current = talk(
    {
      restored,
      said(message, state) {
        add({ key: message.id, from: 'patron', text: message.text, at: new Date(message.at), state, message });
        toEnd();
      },
      state: setState,
      reply: hear,
      waiting(yes) {
        typing = yes;
        draw();
      },
      connected: (yes) => setOffline(!yes),
      renewed() {
        for (const entry of entries) entry.retired = true;
        add({ key: `renewed${entries.length}`, from: 'note', text: texts.renewed });
        announce(text(texts.renewed));
      },
    },
    given.api,
  );
  current.start();
}

/** Draw, and stay at the end if that is where the reader was; return whether. */
function draw() {
  const stay = !panel || atEnd();
  given.drawing();
  if (stay) toEnd();
  return stay;
}

export function hold(drawnPanel, drawnWords) {
  panel = drawnPanel ?? panel;
  words = drawnWords ?? words;
}

const atEnd = () => panel.scrollHeight - panel.clientHeight - panel.scrollTop < NEAR_END;

export function toEnd() {
  panel.scrollTop = panel.scrollHeight;
}

export function scrolled() {
  if (!newBelow || !atEnd()) return;
  newBelow = false;
  draw();
}

// Coming and going

export function open({ sach, hoi }, byPatron) {
  shown = true;
  draw();
  given.told.opened(true, byPatron);
  if (sach) say({ kind: 'command', command: `start book:${sach}`, text: text(texts.about) });
  if (hoi) words.value = hoi;
  fit();
  toEnd();
  returned();
  if (byPatron) (hoi || !matchMedia(BY_FINGER).matches ? words : panel).focus();
}

export function close() {
  shown = false;
  draw();
  given.told.opened(false, true);
}

/** Somebody is back: what waits for its next try is tried now. */
export function returned() {
  if (!document.hidden) current.nudge();
  look();
}

export const rest = () => current.rest();
export const reconnect = () => current.reconnect();

export function setOffline(yes) {
  offline = yes;
  draw();
}

/** Count what is unread anew; all is read when somebody looks. */
export function look() {
  const ids = entries.filter(({ from }) => from === 'library').map(({ reply_id: id }) => id);
  const looking = shown && !document.hidden;
  if (looking && ids.length) keep.keepSeen(Math.max(...ids));
  const seen = keep.seen();
  const unread = looking ? 0 : ids.filter((id) => id > seen).length;
  keep.keepUnread(unread);
  given.told.unread(unread);
  if (page && library.name) document.title = `${unread ? '● ' : ''}${text(texts.assistant)} · ${text(library.name)}`;
  return unread;
}

export function introduce(itself) {
  library = itself;
  look();
  draw();
}

export function speakOther() {
  const other = spoken() === 'vi' ? 'en' : 'vi';
  keep.keepLanguage(other);
  speakIn(other);
}

function speakIn(language) {
  speak(language);
  if (page) document.documentElement.lang = spoken();
  given.told.language(spoken());
  fit();
  look();
}

export function askToForget(yes) {
  forgetting = yes;
  draw();
}

/** Leave nothing of the conversation on this device, and begin anew. */
export function forget() {
  current.leave();
  keep.forget();
  words.value = '';
  entries = [];
  announced = [];
  printed = undefined;
  typing = false;
  fit();
  look();
  talkAnew();
}

/** Print the chosen card, or else the conversation, and nothing of the page around. */
export function print(card = printed) {
  printed = card;
  draw();
  given.host.setAttribute('printing', '');
  window.onafterprint = () => given.host.removeAttribute('printing');
  window.print();
}

// Saying

export const say = (part) => current.say(part);
export const again = (message) => current.again(message);

/** Make the box as tall as its text, show how much room is left, and allow sending what can be sent. */
export function fit() {
  over = [...written()].length - LIMIT;
  draw();
  words.style.height = 'auto';
  words.style.height = `${words.scrollHeight + 2}px`;
}

export const written = () => words?.value.normalize('NFC').trim();

export function room() {
  if (over > 0) return text(texts.tooLong, over);
  return over > -ROOM_SHOWN && text(texts.roomLeft, -over);
}

export function send() {
  fit();
  if (!written() || over > 0) return;
  say({ text: written() });
  words.value = '';
  fit();
}

/** Say whether this answer helped; what does not get through is asked again. */
export async function rate(entry, helped) {
  entry.rated = helped;
  announce(text(texts.rated));
  try {
    await current.rate(entry.message_id, helped);
  } catch {
    entry.rated = undefined;
    draw();
  }
}

export const isUsed = ({ payload }) => used.has(payload);

export function press({ payload, title }) {
  used.add(payload);
  say({ kind: 'payload', payload, text: title });
}

/** Whether the patron said something since, so that a form asks no more. */
export const isPast = (entry) => entries.slice(entries.indexOf(entry)).some(({ from }) => from === 'patron');

// Hearing

const cardsOf = ({ replies = [] }) => replies.flatMap((reply) => reply.cards);
const buttonsOf = (entry) => [...(entry.replies ?? []), ...cardsOf(entry)].flatMap((one) => one.buttons);

function restored(history) {
  const earlier = history.map((entry) => ({ ...entry, key: entry.id ?? entry.reply_id, at: new Date(entry.at) }));
  earlier.forEach((entry, place) => {
    if (entry.kind === 'payload') markUsed(earlier.slice(0, place), entry.text);
    if (entry.kind === 'command') entry.text = text(texts.about);
    keepLastCard(entry);
  });
  entries = [...earlier, ...entries.filter(({ key }) => !earlier.some((entry) => entry.key === key))];
  draw();
  toEnd();
  look();
}

/** Mark the newest unused button of this title as pressed: history tells what was chosen, not where. */
function markUsed(before, title) {
  const unused = before.flatMap(buttonsOf).filter((button) => button.title === title && !isUsed(button));
  if (unused.length) used.add(unused.at(-1).payload);
}

function keepLastCard(entry) {
  printed = cardsOf(entry).at(-1) ?? printed;
}

function setState({ id }, state) {
  const entry = entries.find(({ key }) => key === id);
  if (!entry || entry.state === state) return;
  entry.state = state;
  if (state in texts.states) announce(text(texts.states[state]));
  draw();
}

function hear(sent) {
  const { message_id: answered, replies } = sent;
  entries = entries.filter(({ kind, message_id: waiting }) => kind !== 'wait' || waiting !== answered);
  if (!says(replies)) return draw();
  keepLastCard(sent);
  const stayed = add({ key: sent.reply_id, from: 'library', ...sent, at: new Date() });
  const unread = look();
  announce(shown ? aloud(replies) : text(texts.news, unread));
  const added = panel.querySelector('[role=log]').lastElementChild;
  newBelow = !stayed;
  draw();
  // A long answer is read from its beginning.
  if (stayed && added.offsetHeight > panel.clientHeight / 2) panel.scrollTop = added.offsetTop - panel.firstElementChild.offsetHeight;
}

function add(entry) {
  entries = [...entries, entry];
  return draw();
}

function announce(said) {
  const key = (announced.at(-1)?.key ?? 0) + 1;
  announced = [...announced, { key, said, lang: languageOf(said) }].slice(-ANNOUNCED);
  draw();
}

/** Return the words of the replies and how many results and which buttons they have. */
function aloud(replies) {
  const cards = cardsOf({ replies }).length;
  const titles = replies.flatMap((reply) => reply.buttons.map((button) => button.title));
  return [
    ...replies.map((reply) => reply.text),
    cards && text(texts.results, cards),
    titles.length && text(texts.choices, titles.join(', ')),
  ].filter(Boolean).join('\n');
}
