// Builds dist/: the two pages, the custom element, a brotli and a gzip form of each file, and the
// table of the files that the function `console` embeds. infra/local/console.py runs it.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

import { build } from 'vite';

const DIST = 'dist';
// A form that saves less than this is not worth its place in the function.
const MIN_SAVED_BYTES = 64;

await build({ logLevel: 'warn' });
await build({ logLevel: 'warn', mode: 'element' });

const files = readdirSync(DIST, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(DIST, join(entry.parentPath, entry.name)).split(sep).join('/'))
  .sort();

const table = files.map((name) => {
  const bytes = readFileSync(join(DIST, name));
  // The function completes the entry pages for each path, so they have no compressed form.
  if (!name.endsWith('.html')) {
    const forms = {
      br: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
      gz: gzipSync(bytes, { level: 9 }),
    };
    for (const [suffix, form] of Object.entries(forms)) {
      if (form.length + MIN_SAVED_BYTES <= bytes.length) writeFileSync(join(DIST, `${name}.${suffix}`), form);
    }
  }
  return `${name}\t${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}\n`;
});
writeFileSync(join(DIST, 'files.txt'), table.join(''));
