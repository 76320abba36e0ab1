import path from 'node:path';
import { defineConfig } from 'vite';

/** The console's site. build.mjs builds it into dist/console, from where the service gives it out. */
export default defineConfig({
  root: import.meta.dirname,
  // The service adds where the site is, which PUBLIC_URL decides.
  base: './',
  publicDir: false,
  build: {
    outDir: path.resolve(import.meta.dirname, '../dist/console'),
    emptyOutDir: true,
    // A data: address would be a script or a style from elsewhere to the policy of the pages.
    assetsInlineLimit: 0,
    manifest: true,
    target: 'es2022',
    rolldownOptions: {
      // Mantine marks its files for servers that render React, which this is none of.
      onLog: (level, log, handle) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log);
      },
    },
  },
});
