import { defineConfig, type Plugin } from 'vite';

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

export default defineConfig(({ command }) => ({
  // Relative in the build: the API may have a path before /portal/. The function `console` writes
  // one `../` before `./assets/` for each folder below /portal/ or /console/.
  base: command === 'build' ? './' : '/',
  plugins: [pages],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { portal: 'portal.html', console: 'console.html' } },
  },
  server: {
    port: Number(process.env['PORT'] ?? 5173),
    // POSTEL_API may have a path, as the local stack's has: the proxy joins the two. A write names
    // the page's origin, which is the proxy's here: the local cloud refuses other places' pages.
    proxy: { '/v1': { target: API, changeOrigin: true, headers: { origin: new URL(API).origin } } },
  },
}));
