// Bundles the compiled service and its packages into a few files: reading 3,300 modules is most of a start.
import path from 'node:path';
import { rolldown } from 'rolldown';

const DIST = path.join(import.meta.dirname, 'dist');

/** Packages that the service or its packages load only where they are needed, or that are not installed at all. */
const EXTERNAL = [
  /^@aws-sdk\//,
  /^@fastify\/(multipart|static|view)$/,
  /^@nestjs\/(microservices|platform-express|websockets)(\/|$)/,
];

const bundle = await rolldown({
  input: { main: path.join(DIST, 'src/main.js'), cli: path.join(DIST, 'src/cli.js') },
  platform: 'node',
  external: EXTERNAL,
});
await bundle.write({
  // One folder below dist, from where src/customer-pages/page-assets.ts finds what browsers load.
  dir: path.join(DIST, 'bundle'),
  cleanDir: true,
  format: 'esm',
  // Nest and TypeORM go by the names of classes.
  keepNames: true,
  minify: { mangle: false, compress: false, codegen: { removeWhitespace: true } },
});
await bundle.close();
