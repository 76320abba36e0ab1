// Bundles the compiled service and its packages into a few files: reading 3,300 modules is most of a start.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { rolldown } from 'rolldown';

const DIST = path.join(import.meta.dirname, 'dist');
const BUNDLE = path.join(DIST, 'bundle');

/** Packages that the service or its packages load only where they are needed, or that are not installed at all. */
const EXTERNAL = [
  /^@aws-sdk\//,
  /^@fastify\/(multipart|static|view)$/,
  /^@nestjs\/(microservices|platform-express|websockets)(\/|$)/,
];

/** Modules whose originals load a fifth of all code for what the service never uses: other databases, phone numbers. */
const REPLACED = [
  {
    id: /\/typeorm\/driver\/DriverFactory\.js$/,
    code: `const { PostgresDriver } = require('./postgres/PostgresDriver');
      exports.DriverFactory = class DriverFactory { create(dataSource) { return new PostgresDriver(dataSource); } };`,
  },
  {
    id: /\/class-validator\/\w+\/decorator\/string\/IsPhoneNumber\.js$/,
    code: `exports.IS_PHONE_NUMBER = 'isPhoneNumber';
      exports.isPhoneNumber = exports.IsPhoneNumber = () => { throw new Error('this build has no phone numbers'); };`,
  },
];

const replaceModules = {
  name: 'replace-modules',
  load: (id) => REPLACED.find((each) => each.id.test(id)) ?? null,
};

const bundle = await rolldown({
  input: { main: path.join(DIST, 'src/main.js'), cli: path.join(DIST, 'src/cli.js') },
  platform: 'node',
  external: EXTERNAL,
  plugins: [replaceModules],
});
const { output } = await bundle.write({
  // One folder below dist, from where src/customer-pages/page-assets.ts finds what browsers load.
  dir: BUNDLE,
  cleanDir: true,
  format: 'esm',
  // Nest and TypeORM go by the names of classes.
  keepNames: true,
  minify: { mangle: false, compress: false, codegen: { removeWhitespace: true } },
});
await bundle.close();

/** One character beyond Latin-1 makes Node keep and compile a whole file with two bytes a character. */
const escapeNonAscii = (code) =>
  code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

for (const { type, fileName, code } of output)
  if (type === 'chunk') writeFileSync(path.join(BUNDLE, fileName), escapeNonAscii(code));
