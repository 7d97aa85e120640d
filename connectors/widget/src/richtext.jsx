// Plain text as nodes: paragraphs, "•" lists and web addresses. Text stays text; nothing is read as HTML.

import { h } from 'preact';
import { newTab, text } from './texts.js';

const ADDRESS = /https?:\/\/[^\s<>"“”]+/gi;
const TRAILING = /[.,;:!?…)\]}'’»]+$/;
const BULLET = /^\s*•\s*/;
const VIETNAMESE = /[ăâđêôơưà-ãè-êìíò-õùúýạ-ỹ]/i;

/** Return the address if it is one of the web. */
export function webAddress(address) {
  try {
    const { protocol, href } = new URL(address, location);
    return /^https?:$/.test(protocol) && href;
  } catch {
    return false;
  }
}

/** Return a button that leads to another page; to none, if its address is not one of the web. */
export function Outside({ title, url }) {
  const href = webAddress(url);
  if (!href) return <span class="choice">{title}</span>;
  return (
    <a class="choice" href={href} target="_blank" rel="noopener">
      {title} <span class="unseen">{text(newTab)}</span><span aria-hidden="true">↗</span>
    </a>
  );
}

/** Return the text's paragraphs and lists. */
export function blocks(text) {
  const found = [];
  for (const line of text.split('\n')) {
    const list = BULLET.test(line);
    const parts = inline(line.replace(BULLET, ''));
    if (found.at(-1)?.list !== list) found.push({ list, items: [] });
    found.at(-1).items.push(parts);
  }
  return found.map(({ list, items }) =>
    list ? <ul>{items.map((item) => <li>{item}</li>)}</ul> : <p>{items.map((item, place) => [place ? '\n' : '', item])}</p>,
  );
}

/** Return text and links. A sentence's own punctuation after an address is not part of it. */
export function inline(text) {
  const parts = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const written = found.replace(TRAILING, '');
    const href = webAddress(written);
    if (!href) continue;
    parts.push(text.slice(end, index), <a href={href} target="_blank" rel="noopener">{written}</a>);
    end = index + written.length;
  }
  return [...parts, text.slice(end)];
}

/** Return "vi" or "en", so that a screen reader reads each message with the right voice. A name alone does not decide. */
export function languageOf(text) {
  const words = text.normalize('NFC').match(/\p{L}+/gu) ?? [];
  return words.filter((word) => VIETNAMESE.test(word)).length * 4 >= words.length ? 'vi' : 'en';
}
