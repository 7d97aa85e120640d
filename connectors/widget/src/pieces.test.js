import { render } from 'preact';
import { beforeEach, expect, test, vi } from 'vitest';
import { light, reads, textOn } from './accent.js';
import { library } from './api.js';
import { wordsOf } from './form.js';
import { blocks, inline, languageOf, webAddress } from './richtext.jsx';
import * as texts from './texts.js';

function drawn(nodes) {
  const place = document.createElement('div');
  render(nodes, place);
  return place;
}

// Forms

const FORM = { fields: [{ name: 'ten', kind: 'text' }, { name: 'ngay', kind: 'date' }], says: 'Mình là {ten}, ngày {ngay}, {lạ}' };

test('a form is said with its words in place and its day first', () => {
  expect(wordsOf(FORM, { ten: ' Lan ', ngay: '2026-02-09' })).toBe('Mình là Lan, ngày 09/02/2026, {lạ}');
});

test('what is filled in is not filled in again', () => {
  expect(wordsOf(FORM, { ten: '{ngay} $& {constructor}', ngay: '2026-02-09' })).toBe('Mình là {ngay} $& {constructor}, ngày 09/02/2026, {lạ}');
});

// Text

test('markup, links of Markdown and entities stay text', () => {
  const words = '<b>x</b> [a](javascript:alert(1)) &amp; <script>alert(1)</script>';
  const place = drawn(blocks(words));
  expect(place.textContent).toBe(words);
  expect(place.querySelectorAll('b, a, script')).toHaveLength(0);
});

test('bullets are a list, other lines keep their breaks, and addresses are links without the punctuation after them', () => {
  const place = drawn(blocks('Một\nhai:\n• ba\n• bốn https://thuvien.example/x.\nnăm'));
  expect([...place.children].map((one) => one.tagName)).toEqual(['P', 'UL', 'P']);
  expect(place.firstChild.textContent).toBe('Một\nhai:');
  expect(place.querySelector('a').getAttribute('href')).toBe('https://thuvien.example/x');
  expect(place.querySelectorAll('li')[1].textContent).toBe('bốn https://thuvien.example/x.');
});

test.each(['javascript:alert(1)', 'JaVaScRiPt:alert(1)', ' javascript:alert(1)', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd', 'http://', undefined, null])(
  'no button leads to %s', (address) => {
    const found = webAddress(address);
    expect(found === false || /^https?:/.test(found)).toBe(true);
  },
);

test('an address inside of words is found, and only one of the web', () => {
  const place = drawn(inline('ftp://a.example và (https://b.example/c?d=1&e=2), hết'));
  expect([...place.querySelectorAll('a')].map((one) => one.textContent)).toEqual(['https://b.example/c?d=1&e=2']);
});

test('each message is read in its own language', () => {
  expect(languageOf('Thư viện mở cửa lúc 7 giờ 30')).toBe('vi');
  expect(languageOf('The library opens at 7:30, says Nguyễn')).toBe('en');
});

test('every word is written in both languages', () => {
  const { states, speak, spoken, text, ...pairs } = texts;
  for (const [name, pair] of Object.entries({ ...pairs, ...states })) {
    expect(pair, name).toHaveLength(2);
    expect(typeof pair[0], name).toBe(typeof pair[1]);
  }
  speak('en');
  expect([spoken(), text(texts.results, 3)]).toEqual(['en', 'Results: 3.']);
  speak('fr');
  expect(spoken()).toBe('vi');
});

// Colours

function exactly([red, green, blue]) {
  const share = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * share(red) + 0.7152 * share(green) + 0.0722 * share(blue);
}
const contrast = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);

test('on every colour the chosen text reads, and words are of a colour only on a ground where they read', () => {
  const grounds = [[250, 247, 241], [21, 24, 26]];
  for (let red = 0; red < 256; red += 15) {
    for (let green = 0; green < 256; green += 15) {
      for (let blue = 0; blue < 256; blue += 15) {
        const colour = [red, green, blue];
        const shade = light(`rgb(${colour.join(', ')})`);
        expect(contrast(exactly(colour), textOn(shade) === '#000' ? 0 : 1)).toBeGreaterThan(4.5);
        for (const ground of grounds) {
          if (reads(shade, light(`rgb(${ground.join(', ')})`))) expect(contrast(exactly(colour), exactly(ground))).toBeGreaterThan(4.5);
        }
      }
    }
  }
});

test.each(['rgba(0, 0, 0, 0)', 'oklch(0.5 0.1 20)', 'color(srgb 1 0 0)', ''])('%s is not judged', (colour) => {
  expect(light(colour)).toBe(undefined);
});

// The stream

function answering(...chunks) {
  const body = new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk);
      controller.close();
    },
  });
  vi.stubGlobal('fetch', vi.fn(async () => new Response(body)));
}

async function heard(...chunks) {
  answering(...chunks);
  const taken = [];
  const alive = vi.fn();
  await library('https://thuvien.example/').listen({ conversation: 'c', token: 't' }, 7, { stop: new AbortController(), alive, take: (one) => taken.push(one) });
  return taken;
}

beforeEach(() => vi.unstubAllGlobals());

test('replies come out of the stream however it is cut, and comments do not', async () => {
  const bytes = new TextEncoder().encode(': open\r\n\r\nid: 1\r\nevent: reply\r\ndata: {"text":"Đọc\u2028sách"}\r\n\r\n: ping\r\n\r\ndata: {"text":"hai"}\n\n');
  for (let cut = 1; cut < bytes.length; cut += 1) {
    expect(await heard(bytes.slice(0, cut), bytes.slice(cut))).toEqual([{ text: 'Đọc\u2028sách' }, { text: 'hai' }]);
  }
});

test('the stream is asked for from the last reply on, with the token where only the library sees it', async () => {
  await heard('');
  const [address, { headers }] = fetch.mock.calls[0];
  expect(address).toBe('https://thuvien.example/api/conversations/c/events');
  expect(headers).toMatchObject({ 'Last-Event-ID': '7', Authorization: 'Bearer t' });
});

test('a message is posted as what it is', async () => {
  vi.stubGlobal('fetch', vi.fn(async () => new Response('{"message":"m","replies":[]}')));
  const api = library('https://thuvien.example/');
  await api.post({ conversation: 'c', token: 't' }, { id: '1', kind: 'command', command: 'start book:7', text: 'Mình hỏi', at: 5 }, 20);
  const [address, { body }] = fetch.mock.calls[0];
  expect(address).toBe('https://thuvien.example/api/conversations/c/messages?wait=20');
  expect(JSON.parse(body)).toEqual({ id: '1', command: 'start book:7' });
});
