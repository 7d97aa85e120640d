// The chat's panel: head, what was said, the box to write in. On a page of its own it is the page.

import { h, render } from 'preact';
import { reads } from './accent.js';
import { library as serverAt } from './api.js';
import * as chat from './chat.js';
import * as keep from './keep.js';
import { Answered, Entry } from './messages.jsx';
import styles from './panel.css?inline';
import * as texts from './texts.js';
import { spoken, text } from './texts.js';

// While the chat is printed, nothing of the page around it is.
const ALONE = '@media print{body:has(>[printing])>:not(thu-thu){display:none!important}}';

/** Return the chat, drawn in the root and closed; `adopt` and `light` are the loader's. */
export function mount({ root, host, base, page, language, told, adopt, light }) {
  const place = document.createElement('div');
  root.append(place);
  adopt(root, styles);
  adopt(document, ALONE);
  chat.begin({ api: serverAt(base), host, page, language, told, drawing: () => render(<Widget />, place) });
  fetch(`${base}widget/library.json`).then((answer) => answer.json()).then(chat.introduce, () => {}); // one can talk without
  attend();

  // A library's own colour is the colour of words only where it reads on our ground.
  const shade = (selector) => light(getComputedStyle(root.querySelector(selector)).backgroundColor);
  const tint = () => {
    const lost = host.style.getPropertyValue('--own') && !reads(shade('#launch'), shade('#announcer'));
    host.style.setProperty('--own-text', lost ? 'var(--ink)' : '');
  };
  matchMedia('(prefers-color-scheme: dark)').onchange = tint;
  tint();
  return { open: chat.open };
}

function attend() {
  keep.onElsewhere(chat.forget, chat.look);
  const on = (name, deed) => window.addEventListener(name, deed);
  on('online', () => chat.reconnect());
  on('offline', () => chat.setOffline(true));
  on('pagehide', () => chat.rest());
  on('pageshow', (event) => event.persisted && chat.reconnect());
  on('visibilitychange', () => chat.returned());
  on('click', (event) => {
    const menu = chat.panel.querySelector('details');
    if (!event.composedPath().includes(menu)) menu.open = false;
  });
}

function Widget() {
  const Room = chat.page ? 'div' : 'section';
  return (
    <div lang={spoken()}>
      <Room
        class="panel" hidden={!chat.shown} tabindex="-1" role={chat.page ? null : 'dialog'} aria-labelledby={chat.page ? null : 'name'}
        ref={(panel) => chat.hold(panel)}
        onScroll={chat.scrolled}
        onKeyDown={escape}
      >
        <Head />
        <Said />
        <Composer />
      </Room>
      {/* What is said is announced from here, a whole message at a time; the log itself stays silent. */}
      <div id="announcer" class="unseen" role="status">
        {chat.announced.map(({ key, said, lang }) => <p key={key} lang={lang}>{said}</p>)}
      </div>
    </div>
  );
}

function escape({ key }) {
  if (key !== 'Escape') return;
  if (chat.panel.querySelector('details').open) closeMenu();
  else if (!chat.page) chat.close();
}

function closeMenu() {
  const menu = chat.panel.querySelector('details');
  menu.open = false;
  menu.firstElementChild.focus();
}

function Head() {
  const Name = chat.page ? 'h1' : 'h2';
  const code = spoken() === 'vi' ? 'EN' : 'VI';
  return (
    <header>
      {chat.page && <button class="unseen choice" onClick={() => chat.words.focus()}>{text(texts.skip)}</button>}
      <div class="book">
        <div>
          <Name id="name">{text(chat.library.name)}</Name>
          <p>{text(texts.assistant)}</p>
        </div>
      </div>
      <button id="language" class="plain" aria-label={`${code}, ${text(texts.otherLanguage)}`} onClick={chat.speakOther}>{code}</button>
      <details onToggle={(event) => event.target.open || chat.askToForget(false)}>
        <summary aria-label={text(texts.menu)}>⋯</summary>
        <Menu />
      </details>
      {!chat.page && <button id="close" class="plain" aria-label={text(texts.close)} onClick={chat.close}>✕</button>}
    </header>
  );
}

function Menu() {
  const item = (id, words, deed) => <button id={id} onClick={deed}>{text(words)}</button>;
  const done = (deed) => () => {
    closeMenu();
    deed?.();
  };
  return chat.forgetting ? (
    <div class="menu">
      <p>{text(texts.forgetWhy)}</p>
      {item('keep', texts.keep, done())}
      {item('forget-now', texts.forgetNow, done(chat.forget))}
    </div>
  ) : (
    <div class="menu">
      {item('print', texts.print, done(() => chat.print()))}
      {item('forget', texts.forget, () => chat.askToForget(true))}
    </div>
  );
}

function Said() {
  const Main = chat.page ? 'main' : 'div';
  const { greeting, quick } = chat.library;
  return (
    <Main class="said">
      {chat.page && <h2 class="unseen">{text(texts.conversation)}</h2>}
      <div id="log" role="log" aria-live="off" aria-label={text(texts.conversation)}>
        {greeting && <Answered entry={{ replies: [{ text: text(greeting), cards: [], buttons: [] }] }} />}
        {chat.entries.map((entry) => <Entry key={entry.key} entry={entry} />)}
      </div>
      {quick && !chat.entries.length && (
        <div id="suggestions" class="choices">
          {text(quick).map((words) => <button class="choice" onClick={() => chat.say({ text: words })}>{words}</button>)}
        </div>
      )}
      {chat.typing && <p id="typing">{text(texts.typing)}</p>}
    </Main>
  );
}

function Composer() {
  const send = (event) => {
    event.preventDefault();
    chat.send();
    chat.words.focus();
  };
  const press = (event) => {
    // Enter that ends a word in a Vietnamese input method belongs to the method; some browsers tell it only by 229.
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229) send(event);
  };
  const over = chat.over > 0;
  const { privacy, demo } = chat.library;
  return (
    <footer>
      {chat.newBelow && <button id="latest" class="choice" onClick={chat.toEnd}>{text(texts.latest)}</button>}
      <p id="connection" class="strip" role="status">{chat.offline && text(texts.offline)}</p>
      <form id="composer" onSubmit={send}>
        <textarea
          id="words" rows="1" autocomplete="off" enterkeyhint="send" placeholder={text(texts.write)} aria-label={text(texts.write)}
          aria-describedby="room privacy" aria-invalid={`${over}`}
          ref={(words) => chat.hold(null, words)} onInput={chat.fit} onKeyDown={press}
        />
        <button id="send" class="deed" aria-label={text(texts.send)} disabled={!chat.written() || over}>↑</button>
      </form>
      <p id="room" class={over ? 'small state' : 'small'} role="status">{chat.room()}</p>
      <p class="small"><span id="privacy">{text(privacy)}</span> {text(demo)}</p>
    </footer>
  );
}
