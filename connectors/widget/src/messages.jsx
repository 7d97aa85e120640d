// What was said, drawn: bubbles, buttons, cards, forms, and the state of each message.

import { Fragment, h } from 'preact';
import * as chat from './chat.js';
import { wordsOf } from './form.js';
import { blocks, inline, languageOf, Outside } from './richtext.jsx';
import * as texts from './texts.js';
import { text } from './texts.js';

export function Entry({ entry }) {
  if (entry.from === 'note') return <p class="note">{text(entry.text)}</p>;
  return entry.from === 'patron' ? <Asked entry={entry} /> : <Answered entry={entry} />;
}

function Asked({ entry: { text: words, state, at, message } }) {
  const said = texts.states[state];
  return words && (
    <article class="message patron">
      <p class="unseen">{text(texts.you)}</p>
      <div class="bubble" lang={languageOf(words)}><p>{words}</p></div>
      <p class="meta">
        <Time at={at} />
        {said && <span class={state === 'handed' ? null : 'state'}>{text(said)}</span>}
        {said && state !== 'handed' && <button class="plain again" onClick={() => chat.again(message)}>{text(texts.again)}</button>}
      </p>
    </article>
  );
}

export function Answered({ entry }) {
  const { kind, replies, at } = entry;
  const person = kind === 'person';
  return (
    <article class={`message library ${kind}`}>
      <p class={person ? 'who' : 'unseen'}>{text(person ? texts.person : texts.library)}</p>
      {replies.map((reply) => (
        <Fragment>
          {reply.text && <div class="bubble" lang={languageOf(reply.text)}>{blocks(reply.text)}</div>}
          {reply.cards.length > 0 && <ol class="cards">{reply.cards.map((card) => <Card card={card} entry={entry} />)}</ol>}
          {reply.form && !chat.isPast(entry) && <Form form={reply.form} id={entry.key} />}
          {reply.buttons.length > 0 && <div class="choices">{choices(reply.buttons, entry)}</div>}
        </Fragment>
      ))}
      {at && <p class="meta"><Time at={at} />{kind === 'final' && !chat.isPast(entry) && <Rating entry={entry} />}</p>}
    </article>
  );
}

function Rating({ entry }) {
  if (entry.rated !== undefined) return <span>{text(texts.rated)}</span>;
  const button = (sign, name, helped) => (
    <button class="plain rate" aria-label={text(name)} onClick={() => chat.rate(entry, helped)}><span aria-hidden="true">{sign}</span></button>
  );
  return <span class="rating">{text(texts.helpful)} {button('👍', texts.helped, true)} {button('👎', texts.noHelp, false)}</span>;
}

function Card({ card, entry }) {
  const { title, subtitle, lines, buttons } = card;
  return (
    <li class={chat.printed === card ? 'card printed' : 'card'} lang={languageOf(title)}>
      <span class="cover" aria-hidden="true">{/[\p{L}\d]/u.exec(title)}</span>
      <h3>{title}</h3>
      {subtitle && <p class="subtitle">{inline(subtitle)}</p>}
      <ul>{lines.map((line) => <li>{inline(line)}</li>)}</ul>
      <div class="choices">
        {choices(buttons, entry)}
        <button class="plain print" onClick={() => chat.print(card)}>{text(texts.printThis)}</button>
      </div>
    </li>
  );
}

const choices = (buttons, entry) => buttons.map((button) => {
  const { payload, title, url } = button;
  if (payload === null) return <Outside title={title} url={url} />;
  const used = chat.isUsed(button);
  const shut = used || entry.retired;
  return (
    // Not `disabled`: that would take the focus away from under a keyboard user's hands.
    <button class={used ? 'choice used' : 'choice'} aria-disabled={shut || null} onClick={() => shut || chat.press(button)}>
      {title}{used && <span class="unseen"> {text(texts.used)}</span>}
    </button>
  );
});

function Form({ form, id }) {
  const fill = (event) => {
    event.preventDefault();
    chat.say({ text: wordsOf(form, Object.fromEntries(new FormData(event.target))) });
    chat.words.focus(); // the form goes away
  };
  return (
    <form class="form" onSubmit={fill}>
      {form.fields.map(({ name, label, kind }) => (
        <Fragment>
          <label for={id + name}>{label}</label>
          <input id={id + name} name={name} type={kind} required maxlength="500" autocomplete="off" />
        </Fragment>
      ))}
      <button class="deed">{text(texts.send)}</button>
    </form>
  );
}

function Time({ at }) {
  const today = at.toDateString() === new Date().toDateString();
  return <time>{at.toLocaleString('vi', { timeStyle: 'short', dateStyle: today ? undefined : 'short' })}</time>;
}
