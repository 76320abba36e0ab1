// Determines whether a build is current: each build stores the hash of its inputs next to its output.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/** Returns the SHA-256 of the names and contents of the files, in folders at any depth, and of `settings`. */
export function hashInputs(root, names, settings = null) {
  const hash = createHash('sha256').update(JSON.stringify(settings));
  for (const name of names.flatMap((each) => listFiles(root, each)))
    hash.update(`\0${name}\0`).update(fs.readFileSync(path.join(root, name)));
  return hash.digest('hex');
}

/** True if the file holds this hash: a complete build wrote it last. */
export function isStamped(stamp, hash) {
  return fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === hash;
}

/**
 * Calls `build` with a folder next to `output`, which then replaces `output`, so that no reader sees a partial build.
 */
export async function replaceFolder(output, build) {
  const draft = `${output}.${process.pid}`;
  try {
    await build(draft);
    fs.rmSync(output, { recursive: true, force: true });
    fs.renameSync(draft, output);
  } finally {
    fs.rmSync(draft, { recursive: true, force: true });
  }
}

/** True in the module that Node was started with. */
export function isProgram({ filename }) {
  return process.argv[1] !== undefined && fs.realpathSync(process.argv[1]) === filename;
}

function listFiles(root, name) {
  const full = path.join(root, name);
  if (!fs.statSync(full).isDirectory()) return [name];
  return fs
    .readdirSync(full)
    .sort()
    .flatMap((each) => listFiles(root, path.join(name, each)));
}
