// Preact without what we never use of it. We write functions that are drawn anew from the top, so what only components
// with classes, contexts and life cycles, extensions and raw HTML need is dead code; told so, the minifier takes it out.

const UNUSED = [
  // of a component that is a class, or has a life cycle or a context
  'componentDidCatch',
  'componentDidMount',
  'componentDidUpdate',
  'componentWillMount',
  'componentWillReceiveProps',
  'componentWillUnmount',
  'componentWillUpdate',
  'contextType',
  'defaultProps',
  'getChildContext',
  'getDerivedStateFromError',
  'getDerivedStateFromProps',
  'getSnapshotBeforeUpdate',
  'prototype.render',
  'shouldComponentUpdate',
  // of extensions of Preact, such as its hooks
  'debounceRendering',
  'diffed',
  'event',
  'unmount',
  'vnode',
  // of drawing inside an SVG image, of customized built-in elements, of raw HTML
  'ownerSVGElement',
  'is',
  'dangerouslySetInnerHTML',
];

/** Return what finds the places where such a property of something is read; where it is set, it is left. */
const reading = (name) => new RegExp(`(?<![\\w$.])[\\w$]+(\\.[\\w$]+)*\\.${name.replace('.', '\\.')}(?![\\w$]|=[^=])`, 'g');

function withoutUnused(code) {
  let rest = code;
  for (const name of UNUSED) {
    if (!reading(name).test(rest)) throw new Error(`Preact does not read "${name}" any more: take it off the list in lean.js`);
    rest = rest.replace(reading(name), 'undefined');
  }
  return rest;
}

/** For Vite: in Preact's code, and in no other, each of these properties reads as undefined. */
export const leanPreact = {
  name: 'lean-preact',
  transform: (code, id) => (id.includes('/node_modules/preact/') ? withoutUnused(code) : undefined),
};
