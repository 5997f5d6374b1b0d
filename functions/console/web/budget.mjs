// Measures what a browser downloads, in one language: for the first view (the portal's list of
// webhooks), and for all pages together. `console.py check` runs it: it fails if a sum is larger
// than what is allowed, or if a file has what its reader does not need.

import { brotliCompressSync, gzipSync } from 'node:zlib';

import { build } from 'vite';

const KB = 1000;
const LANGUAGES = ['en', 'de'];
// In one language, gzip. Most browsers get brotli, which is smaller by a tenth.
const LIMITS = {
  'first view, JavaScript': 45 * KB,
  'first view, files': 3,
  'all pages, code': 92 * KB,
  'all pages of the portal, code and texts': 102 * KB,
  'all pages, code and texts': 117 * KB,
  'all pages, CSS': 10 * KB,
  'the custom element': 3 * KB,
};

const { output } = await build({ logLevel: 'warn', build: { write: false } });
const [element] = await build({ logLevel: 'warn', mode: 'element', build: { write: false } });
const byFile = new Map(output.map((one) => [one.fileName, one]));
const chunks = output.filter((one) => one.type === 'chunk');
const styles = output.filter((one) => one.fileName.endsWith('.css'));
const has = (chunk, pattern) => chunk.moduleIds.some((id) => pattern.test(id.replaceAll('\\', '/')));
const textsOf = (language) => new RegExp(`/src/texts/${language}[./]`);
const OPERATOR = /\/src\/(pages|texts\/..)\/(overview|tenants|contracts|all-dead-letters|operator)[./]/;

function withImports(chunk, files = new Set()) {
  files.add(chunk);
  for (const imported of chunk.imports) if (!files.has(byFile.get(imported))) withImports(byFile.get(imported), files);
  return files;
}

const bytes = ({ code, source }) => Buffer.from(code ?? source);
const sum = (files, size) => [...files].reduce((total, file) => total + size(bytes(file)), 0);
const gzip = (content) => gzipSync(content, { level: 9 }).length;
const brotli = (content) => brotliCompressSync(content).length;

let wrong = false;
function hold(measure, language, files, count = false) {
  const limit = LIMITS[measure];
  const measured = count ? files.length : sum(files, gzip);
  const said = count ? `${measured} of ${limit}` : `${(measured / KB).toFixed(1)} kB of ${limit / KB} kB, gzip; ${(sum(files, brotli) / KB).toFixed(1)} kB, brotli`;
  const line = `${measure} (${language}): ${said}`;
  if (measured <= limit) return console.log(line);
  wrong = true;
  console.error(`${line}: too large\n${[...files].map((file) => `  ${gzip(bytes(file))} ${file.fileName}`).join('\n')}`);
}

/** Files that only some read have nothing that all read, or others read: it would be loaded for nothing. */
function apart(what, files, ...others) {
  const mixed = files.filter((file) => others.some((other) => has(file, other)));
  if (mixed.length === 0) return;
  wrong = true;
  console.error(`${mixed.map((file) => file.fileName).join(', ')}: ${what} have a file of their own; see FILES in vite.config.ts`);
}

const inLanguage = (file) => LANGUAGES.some((language) => has(file, textsOf(language)));
const code = chunks.filter((file) => !inLanguage(file) && !has(file, /\/src\/texts\/pseudo\.ts$/));
const start = chunks.find((file) => file.isEntry && file.fileName.includes('portal')) ?? chunks.find((file) => has(file, /\/src\/start\.tsx$/));
apart('the pages of the operator', code.filter((file) => has(file, OPERATOR)), /\/src\/(start\.tsx$|pages\/(webhooks?|log|delivery|event)\/)/);
for (const language of LANGUAGES) {
  const texts = chunks.filter((file) => has(file, textsOf(language)));
  apart(`the texts of "${language}"`, texts, ...LANGUAGES.filter((one) => one !== language).map(textsOf), /\/src\/(pages|parts|lib)\//);
  const first = withImports(start, withImports(texts.find((file) => has(file, new RegExp(`/src/texts/${language}\\.ts$`)))));
  hold('first view, JavaScript', language, first);
  hold('first view, files', language, [...first, ...styles], true);
  hold('all pages of the portal, code and texts', language, [...code, ...texts].filter((file) => !has(file, OPERATOR)));
  hold('all pages, code and texts', language, [...code, ...texts]);
}
hold('all pages, code', 'any language', code);
hold('all pages, CSS', 'any language', styles);
hold('the custom element', 'any language', element.output);
process.exitCode = wrong ? 1 : 0;
