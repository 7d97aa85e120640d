// The one script of a host page: the button with its count of unread messages. The chat itself comes when it is wanted.

import { light, textOn } from './accent.js';
import { adopt } from './adopt.js';
import askStyles from './ask.css?inline';
import styles from './launcher.css?inline';

const ASK = { vi: ['Hỏi thủ thư', 'tin mới'], en: ['Ask a librarian', 'new'] };
const ASKING = '.thu-thu-ask'; // with data-sach, a book, or data-hoi, a question
const SMALL = 480; // pixels of width: there an open panel leaves nothing of the page in sight

const tag = document.currentScript;
const { lang, mode, position, accent, open: opens } = tag.dataset;
const base = new URL('..', tag.src).href;
const page = mode === 'page';

const chatAt = (ask) => `${base}chat?${new URLSearchParams({ ...ask })}`;

/** Return what is kept under the name, or put something there; a browser that refuses storage keeps nothing. */
function kept(storage, name, value) {
  try {
    if (value !== undefined) window[storage][`thuthu.${name}`] = value;
    return window[storage][`thuthu.${name}`];
  } catch {
    return undefined;
  }
}

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function start() {
  const words = element('span');
  const badge = element('b');
  const button = element('button', { id: 'launch', className: 'book', onclick: () => open({}, true) }, words, badge);
  const region = element('aside', { hidden: page }, button);
  const host = element('thu-thu');
  const root = host.attachShadow({ mode: 'open' });
  const set = (name, value) => host.style.setProperty(name, value);
  let language = kept('localStorage', 'language') ?? lang;
  let unread = kept('localStorage', 'unread');
  let chat;

  function label() {
    const [ask, news] = ASK[language] ?? ASK.vi;
    region.lang = language ?? 'vi';
    words.textContent = ask;
    badge.textContent = unread;
    badge.hidden = !unread;
    region.setAttribute('aria-label', ask);
    button.setAttribute('aria-label', unread ? `${ask}, ${unread} ${news}` : ask);
  }

  const told = {
    unread(count) {
      unread = count;
      label();
    },
    language(spoken) {
      language = spoken;
      label();
    },
    opened(yes, byPatron) {
      region.hidden = yes;
      if (byPatron && !yes) button.focus();
      kept('sessionStorage', 'open', yes);
    },
  };

  async function open(ask, byPatron) {
    try {
      (await load()).open(ask, byPatron);
    } catch {
      chat = undefined;
      if (byPatron) location = chatAt(ask);
    }
  }

  function load() {
    chat ??= import(/* @vite-ignore */ new URL(WIDGET, tag.src).href).then(({ mount }) =>
      mount({ root, host, base, page, language, told, adopt, light }),
    );
    return chat;
  }

  adopt(root, styles);
  root.append(region);
  host.toggleAttribute('page', page);
  host.setAttribute('side', position);
  if (accent) set('--thuthu-accent', accent);
  document.body.append(host);
  label();

  // Take the host page's colour, with text that reads on it; a colour that cannot be judged is not taken.
  set('--own', getComputedStyle(host).getPropertyValue('--thuthu-accent'));
  const luminance = light(getComputedStyle(button).backgroundColor);
  if (luminance === undefined) set('--own', '');
  else if (host.style.getPropertyValue('--own')) set('--on-own', textOn(luminance));

  if (page) {
    const ask = Object.fromEntries(new URLSearchParams(location.search));
    history.replaceState(null, '', location.pathname); // coming back to the page asks nothing again
    open(ask);
    return;
  }
  const left = kept('sessionStorage', 'open');
  if (left ? left === 'true' && innerWidth > SMALL : opens !== undefined) open({});
  else if (kept('localStorage', 'key')) load().catch(() => { chat = undefined; });

  adopt(document, askStyles);
  for (const link of document.querySelectorAll(ASKING)) {
    link.textContent ||= words.textContent;
    if ('href' in link) link.href ||= chatAt(link.dataset);
  }
  document.addEventListener('click', (event) => {
    const link = event.target.closest(ASKING);
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    open(link.dataset, true);
  });
}

if (!document.querySelector('thu-thu')) start();
