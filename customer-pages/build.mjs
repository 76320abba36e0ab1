// Builds what browsers load: the scripts and styles of the customers' pages, and the package @metavault/connect.
// Does nothing if the inputs are those of the last build.
import fs from 'node:fs';
import path from 'node:path';
import { hashInputs, isProgram, isStamped } from '../build-inputs.mjs';

const ROOT = path.resolve(import.meta.dirname, '..');
const SOURCES = path.join(ROOT, 'customer-pages');
const PACKAGE = path.join(ROOT, 'clients/browser');
const OUTPUT = path.join(ROOT, 'dist/customer-pages');
const PACKAGE_OUTPUT = path.join(PACKAGE, 'dist');
/** Holds the hash of the inputs of the last whole build. */
const STAMP = path.join(OUTPUT, 'inputs.sha256');

/** True if the files are of these sources and tools. */
export function areCustomerPagesCurrent() {
  return isStamped(STAMP, hashPageInputs()) && fs.existsSync(PACKAGE_OUTPUT);
}

async function buildCustomerPages() {
  if (areCustomerPagesCurrent()) return;
  const inputs = hashPageInputs();
  const { build } = await import('vite');
  const page = (name) => buildFile(build, path.join(SOURCES, name), 'iife');
  const connect = path.join(PACKAGE, 'src/connect.ts');
  const [css, signup, done, asGlobal, asModule] = await Promise.all([
    buildFile(build, path.join(SOURCES, 'page.css'), 'es'),
    page('signup.ts'),
    page('done.ts'),
    buildFile(build, connect, 'iife', 'Metavault'),
    buildFile(build, connect, 'es'),
  ]);
  const declarations = await declare(connect);
  write(OUTPUT, { 'page.css': css, 'signup.js': signup, 'done.js': done, 'connect.js': asGlobal });
  write(PACKAGE_OUTPUT, { 'connect.js': asModule, 'connect.global.js': asGlobal, 'connect.d.ts': declarations });
  write(OUTPUT, { [path.basename(STAMP)]: inputs });
}

/** Covers the sources and the versions of the tools. */
function hashPageInputs() {
  const { devDependencies } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  const names = ['customer-pages', 'clients/browser/src', 'build-inputs.mjs'];
  return hashInputs(ROOT, names, [devDependencies.vite, devDependencies.typescript]);
}

/** Returns the minified text of one entry; `name` is the global that a script assigns its exports to. */
async function buildFile(build, entry, format, name) {
  const { output } = await build({
    root: path.dirname(entry),
    configFile: false,
    publicDir: false,
    logLevel: 'warn',
    build: {
      write: false,
      target: 'es2020',
      minify: true,
      modulePreload: false,
      rolldownOptions: {
        input: entry,
        preserveEntrySignatures: name === undefined && format === 'iife' ? false : 'strict',
        output: { format, ...(name === undefined ? {} : { name }), minify: true },
      },
    },
  });
  const [file] = output.filter(({ fileName }) => path.extname(fileName) === (entry.endsWith('.css') ? '.css' : '.js'));
  return file.code ?? file.source;
}

async function declare(file) {
  const { default: ts } = await import('typescript');
  const compilerOptions = { isolatedDeclarations: true, declaration: true, target: ts.ScriptTarget.ES2020 };
  const { outputText } = ts.transpileDeclaration(fs.readFileSync(file, 'utf8'), { compilerOptions, fileName: file });
  return outputText;
}

/** Writes beside and renames, so that nobody reads half a file. */
function write(folder, files) {
  fs.mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    const temporary = path.join(folder, `.${name}.${process.pid}`);
    fs.writeFileSync(temporary, text);
    fs.renameSync(temporary, path.join(folder, name));
  }
}

if (isProgram(import.meta)) await buildCustomerPages();
