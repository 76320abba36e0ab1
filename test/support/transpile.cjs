const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { transformSync, version } = require('@swc/core');

const CACHE = path.resolve(__dirname, '../../node_modules/.cache/metavault/transpiled');
/** For SWC. */
const OPTIONS = {
  swcrc: false,
  module: { type: 'es6' },
  jsc: {
    target: 'es2022',
    keepClassNames: true,
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
  },
};
const SALT = JSON.stringify([version, OPTIONS]);

/** Returns a TypeScript file as JavaScript, and the path of its source map. The results are kept for later runs. */
function transpile(filename) {
  const source = fs.readFileSync(filename, 'utf8');
  const key = createHash('sha256').update(SALT).update(filename).update('\0').update(source).digest('hex');
  const [output, map] = ['js', 'map'].map((extension) => path.join(CACHE, `${key}.${extension}`));
  let code = readIfExists(output);
  if (code === undefined) {
    const result = transformSync(source, { ...OPTIONS, sourceMaps: true, filename });
    code = result.code;
    fs.mkdirSync(CACHE, { recursive: true });
    store(map, result.map);
    store(output, code);
  }
  return { code, map };
}

function readIfExists(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Other processes may read the file at any time. */
function store(file, content) {
  const draft = `${file}.${process.pid}.${Math.random()}`;
  fs.writeFileSync(draft, content);
  fs.renameSync(draft, file);
}

module.exports = { OPTIONS, transpile };
