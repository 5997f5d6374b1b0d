import { defineConfig, type Plugin, type UserConfig } from 'vite';

const API = process.env['POSTEL_API'] ?? 'http://localhost:4566';

// In development, the pages have the paths at which the function `console` serves them.
const pages: Plugin = {
  name: 'pages',
  configureServer(server) {
    server.middlewares.use((request, _response, next) => {
      const [path = '', query] = (request.url ?? '').split('?');
      const page = /^\/(portal|console)(\/|$)/.exec(path)?.[1];
      if (page !== undefined && !/\.\w+$/.test(path)) request.url = `/${page}.html${query === undefined ? '' : `?${query}`}`;
      next();
    });
  },
};

// What is opened together is one file: fewer requests, and a text compresses better the longer it
// is. The first that matches takes a module, and what it imports. `first` is what the portal's list
// of webhooks needs; `budget.mjs` holds the sizes.
const FILES: [string, RegExp][] = [
  ['first', /\/src\/(start|app)\.tsx$|\/src\/pages\/webhooks\/(index|data|actions)\.tsx?$/],
  ['daily', /\/src\/(pages\/(webhooks?|webhook-form|log|delivery|events?|dead-letters|redrives?)\/|parts\/delivery-charts)/],
  ['more', /\/src\/pages\/(verify|help|keys|event-types|missing)\//],
  ['operator', /\/src\/pages\/(overview|tenants|contracts|all-dead-letters)\//],
  ['operator-texts-$1', /\/src\/texts\/(en|de)\/operator\.ts$/],
  ['more-texts-$1', /\/src\/texts\/(en|de)\/(?!base\.|webhooks\.)/],
];
const GROUPS = FILES.map(([file, modules], index) => ({
  debugName: file,
  priority: FILES.length - index,
  test: modules,
  name: (id: string) => file.replace('$1', modules.exec(id)?.[1] ?? ''),
}));

// The custom element for other people's pages. A classic script: unlike a module, pages of other
// origins load it without CORS.
const ELEMENT: UserConfig = {
  build: {
    target: 'es2022',
    emptyOutDir: false,
    copyPublicDir: false,
    lib: { entry: 'embed/postel-portal.ts', formats: ['iife'], name: 'postel', fileName: () => 'postel-portal.js' },
    minify: true,
  },
};

export default defineConfig(({ command, mode }) => (mode === 'element' ? ELEMENT : {
  // Relative in the build: the API may have a path before /portal/. The function `console` writes
  // one `../` before `./assets/` for each folder below /portal/ or /console/.
  base: command === 'build' ? './' : '/',
  plugins: [pages],
  // `h(type, props, ...children)` is shorter than `jsx(type, { children })`, of which there are thousands.
  oxc: { jsx: { runtime: 'classic', pragma: 'h', pragmaFrag: 'Fragment', development: false }, jsxInject: `import { h, Fragment } from 'preact'` },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: false,
    cssCodeSplit: false,
    rolldownOptions: { input: { portal: 'portal.html', console: 'console.html' }, output: { codeSplitting: { groups: GROUPS } } },
  },
  server: {
    port: Number(process.env['PORT'] ?? 5173),
    // POSTEL_API may have a path, as the local stack's has: the proxy joins the two. A write names
    // the page's origin, which is the proxy's here: the local cloud refuses other places' pages.
    proxy: { '/v1': { target: API, changeOrigin: true, headers: { origin: new URL(API).origin } } },
  },
}));
