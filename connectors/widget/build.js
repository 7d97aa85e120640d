// Builds widget.js, then loader.js, which names widget.js by a hash of its contents: node build.js [folder].

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { minify } from 'terser';
import { build } from 'vite';
import { leanPreact } from './lean.js';

const here = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2] ?? join(here, 'dist'));

/** Return the entry and all that it imports as one script for the last browsers of Windows 7, which reading rooms still have. */
async function bundle(entry, format, define = {}) {
  const [{ output }] = await build({
    root: here,
    logLevel: 'warn',
    define,
    plugins: [leanPreact],
    build: {
      write: false,
      minify: true, // it folds what Terser does not, but leaves the white space of a module in
      target: ['chrome109', 'edge109', 'firefox115', 'safari16.4'],
      cssTarget: 'chrome123', // our CSS needs nothing newer than the above; told so, its minifier adds fallbacks
      cssMinify: true,
      lib: { entry: join(here, 'src', entry), formats: [format], name: 'thuThu' },
    },
  });
  const { code } = await minify(output[0].code, {
    module: true,
    ecma: 2020,
    compress: { passes: 3, unsafe_arrows: true, pure_getters: true }, // nothing is read for the effect of reading it
    mangle: { properties: { regex: /^_/ } }, // Preact's private names; ours have no underscore
    format: { comments: false },
  });
  return code;
}

const widget = await bundle('widget.jsx', 'es');
const hash = createHash('sha256').update(widget).digest('hex').slice(0, 12);
const loader = await bundle('loader.js', 'iife', { WIDGET: JSON.stringify(`widget.js?v=${hash}`) });
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'widget.js'), widget);
writeFileSync(join(folder, 'loader.js'), loader);
