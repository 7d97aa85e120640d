// Plain text as nodes: paragraphs, "•" lists and web addresses. Text stays text; nothing is read as HTML.

const ADDRESS = /https?:\/\/[^\s<>"“”]+/gi;
const TRAILING = /[.,;:!?…)\]}'’»]+$/;
const BULLET = /^\s*•\s*/;
const VIETNAMESE = /[ăâđêôơưà-ãè-êìíò-õùúýạ-ỹ]/i;

/** Return the address if it is one of the web, else null. */
export function webAddress(address) {
  try {
    const url = new URL(address, location.href);
    return ['http:', 'https:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

export function link(address, words) {
  const anchor = document.createElement('a');
  anchor.href = address;
  anchor.target = '_blank';
  anchor.rel = 'noopener';
  anchor.textContent = words;
  return anchor;
}

/** Return the text's paragraphs and lists as one fragment. */
export function blocks(text) {
  const fragment = document.createDocumentFragment();
  let block = null;
  for (const line of text.split('\n')) {
    const bullet = BULLET.test(line);
    const tag = bullet ? 'UL' : 'P';
    if (block?.tagName !== tag) {
      block = document.createElement(tag);
      fragment.append(block);
    } else if (!bullet) {
      block.append('\n');
    }
    if (bullet) {
      const item = document.createElement('li');
      item.append(...inline(line.replace(BULLET, '')));
      block.append(item);
    } else {
      block.append(...inline(line));
    }
  }
  return fragment;
}

/** Return text nodes and links. A sentence's own punctuation after an address is not part of it. */
export function inline(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const written = match[0].replace(TRAILING, '');
    const address = webAddress(written);
    if (!address) continue;
    parts.push(text.slice(end, match.index), link(address, written));
    end = match.index + written.length;
  }
  parts.push(text.slice(end));
  return parts.filter((part) => part !== '');
}

/** Return "vi" or "en", so that a screen reader reads each message with the right voice. A name alone does not decide. */
export function languageOf(text) {
  const words = text.normalize('NFC').match(/\p{L}+/gu) ?? [];
  return words.filter((word) => VIETNAMESE.test(word)).length * 4 >= words.length ? 'vi' : 'en';
}
