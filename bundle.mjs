// Bundles the service and its packages into a few files, because reading 3,300 modules is most of the startup time.
// Does nothing if the inputs are those of the last bundle.
import fs from 'node:fs';
import path from 'node:path';
import { hashInputs, isProgram, isStamped, replaceFolder } from './build-inputs.mjs';

const ROOT = import.meta.dirname;
const BUNDLE = path.join(ROOT, 'dist/bundle');
const PROGRAMS = { main: './src/main.ts', cli: './src/cli.ts' };
/** In each bundle: holds the hash of its inputs. */
const STAMP = 'inputs.sha256';

/** Packages that are loaded only where needed, never loaded, or not installed at all. */
const EXTERNAL = [
  /^@aws-sdk\//,
  // Fastify's compilers for route schemas. There are no such schemas: `createHttpServer`.
  /^@fastify\/(ajv|fast-json-stringify)-compiler$/,
  /^@fastify\/(multipart|static|view)$/,
  /^@nestjs\/(microservices|platform-express|websockets)(\/|$)/,
];

/**
 * Modules whose originals load a fifth of all code for features the service never uses: other databases, phone numbers.
 */
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

/** True if the bundle was built from these sources and packages. */
export function isBundleCurrent() {
  return isStamped(path.join(BUNDLE, STAMP), hashBundleInputs());
}

/** Bundles the service and other programs, by name, into a folder below dist. `inputs`: what those programs read. */
export async function buildBundle(folder = BUNDLE, programs = {}, inputs = []) {
  const hash = hashBundleInputs(inputs);
  if (isStamped(path.join(folder, STAMP), hash)) return;
  const { rolldown } = await import('rolldown');
  const bundle = await rolldown({
    cwd: ROOT,
    input: { ...PROGRAMS, ...programs },
    platform: 'node',
    external: EXTERNAL,
    plugins: [replaceModules],
    tsconfig: path.join(ROOT, 'tsconfig.build.json'),
  });
  // One folder below dist, because src/customer-pages/page-assets.ts looks there for the browser assets.
  await replaceFolder(folder, async (dir) => {
    const { output } = await bundle.write({
      dir,
      format: 'esm',
      // Nest and TypeORM depend on class names.
      keepNames: true,
      minify: { mangle: false, compress: false, codegen: { removeWhitespace: true } },
    });
    for (const { type, fileName, code } of output)
      if (type === 'chunk') fs.writeFileSync(path.join(dir, fileName), escapeNonAscii(code));
    fs.writeFileSync(path.join(dir, STAMP), hash);
  });
  await bundle.close();
}

/** Covers the sources, and the packages as npm installed them. */
function hashBundleInputs(others = []) {
  const settings = ['bundle.mjs', 'build-inputs.mjs', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];
  // npm's record of what it installed, which may differ from package-lock.json.
  const records = ['node_modules/.package-lock.json', 'package-lock.json'];
  const installed = records.find((name) => fs.existsSync(path.join(ROOT, name)));
  return hashInputs(ROOT, ['src', 'migrations', ...settings, installed, ...others]);
}

/** A single character beyond Latin-1 makes Node store and compile the whole file with two bytes per character. */
function escapeNonAscii(code) {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

if (isProgram(import.meta)) await buildBundle();
