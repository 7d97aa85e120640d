// A form that a reply asks to fill in, as the words that are sent.

/** Return the words of the form with what was filled in, by the fields' names. Nothing is filled in twice. */
export function wordsOf({ fields, says }, values) {
  const shown = new Map(fields.map(({ name, kind }) => [name, kind === 'date' ? dayFirst(values[name]) : values[name].trim()]));
  return says.replace(/\{([^{}]*)\}/g, (place, name) => shown.get(name) ?? place);
}

/** Return 22/11/2026 for 2026-11-22, which is how browsers give a date. */
export const dayFirst = (date) => date.split('-').reverse().join('/');
