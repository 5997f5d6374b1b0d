// What the first view of the portal loads: its entry, the list of webhooks, and the texts of both.
// `console.py check` runs it: it fails if the files are larger than what is allowed.

import { gzipSync } from 'node:zlib';

import { build } from 'vite';

const KB = 1000;
const LIMITS = { JavaScript: 45 * KB, CSS: 10 * KB };
const LANGUAGES = ['en', 'de'];

const { output } = await build({ logLevel: 'warn', build: { write: false } });
const byFile = new Map(output.map((one) => [one.fileName, one]));

/** The module's own chunk. */
function chunkOf(module) {
  const found = output.find((one) => one.type === 'chunk' && one.moduleIds.some((id) => id.replaceAll('\\', '/').endsWith(`/web/${module}`)));
  if (found === undefined) throw new Error(`${module} is in no chunk: name the module that took its place in budget.mjs`);
  return found;
}

function addWithImports(chunk, files) {
  if (files.has(chunk.fileName)) return;
  files.add(chunk.fileName);
  for (const css of chunk.viteMetadata.importedCss) files.add(css);
  for (const imported of chunk.imports) addWithImports(byFile.get(imported), files);
}

const gzipped = (file) => {
  const { code, source } = byFile.get(file);
  return gzipSync(code ?? source, { level: 9 }).length;
};

let tooLarge = false;
for (const language of LANGUAGES) {
  const files = new Set();
  for (const module of ['portal.html', 'src/pages/webhooks/index.tsx', `src/texts/${language}.ts`, `src/texts/${language}/webhooks.ts`]) addWithImports(chunkOf(module), files);
  for (const [kind, ending] of [
    ['JavaScript', '.js'],
    ['CSS', '.css'],
  ]) {
    const sizes = [...files].filter((file) => file.endsWith(ending)).map((file) => [gzipped(file), file]);
    const sum = sizes.reduce((total, [size]) => total + size, 0);
    const line = `first view (${language}), ${kind}: ${(sum / KB).toFixed(1)} kB of ${LIMITS[kind] / KB} kB, gzip`;
    if (sum <= LIMITS[kind]) {
      console.log(line);
      continue;
    }
    tooLarge = true;
    console.error(`${line}: too large\n${sizes.sort(([a], [b]) => b - a).map(([size, file]) => `  ${size} ${file}`).join('\n')}`);
  }
}
process.exitCode = tooLarge ? 1 : 0;
