import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import path from 'node:path';

/** Secrets by name. */
export type Canaries = ReadonlyMap<string, Buffer>;

const CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * The names of secrets found in `text` (bytes as Latin-1 are fine): plain, percent-encoded, in hex, or in base64 of
 * both alphabets at any offset.
 */
export function canariesIn(text: string, canaries: Canaries): string[] {
  return [...canaries]
    .filter(([, secret]) => formsOf(secret).some((form) => text.includes(form)))
    .map(([name]) => name);
}

/** The same for all files under a folder, or those that `isLooked` picks. Skips files that vanish during the scan. */
export function canariesInFiles(
  folder: string,
  canaries: Canaries,
  isLooked: (file: string) => boolean = () => true,
): string[] {
  const found = new Set<string>();
  const overlap = Math.max(...[...canaries.values()].flatMap((secret) => formsOf(secret).map((form) => form.length)));
  for (const file of filesUnder(folder)) {
    if (!isLooked(file)) continue;
    for (const text of chunksOf(file, overlap))
      for (const name of canariesIn(text, canaries)) found.add(`${name} in ${file}`);
  }
  return [...found];
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** Reads in overlapping pieces, so that no secret is missed at a boundary. */
function* chunksOf(file: string, overlap: number): Generator<string> {
  let size: number;
  let descriptor: number;
  try {
    size = statSync(file).size;
    descriptor = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const buffer = Buffer.alloc(Math.min(size, CHUNK_BYTES) + overlap);
    for (let at = 0; at < size; at += CHUNK_BYTES) {
      const read = readSync(descriptor, buffer, 0, buffer.length, at);
      yield buffer.toString('latin1', 0, read);
    }
  } finally {
    closeSync(descriptor);
  }
}

const known = new Map<Buffer, string[]>();

function formsOf(secret: Buffer): string[] {
  const before = known.get(secret);
  if (before !== undefined) return before;
  const raw = secret.toString('latin1');
  const hex = secret.toString('hex');
  const base64 = [0, 1, 2].flatMap((shift) => {
    // The offset decides how bytes fall into groups of six bits; the outermost groups also hold neighboring bytes.
    const encoded = Buffer.concat([Buffer.alloc(shift), secret]).toString('base64');
    const own = encoded.slice([0, 2, 3][shift], -4);
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
  const percent = [raw, ...base64].map((form) => encodeURIComponent(form));
  const everyByte = hex.replace(/../g, '%$&');
  const forms = [raw, hex, hex.toUpperCase(), everyByte, everyByte.toUpperCase(), ...base64, ...percent];
  const unique = [...new Set(forms)];
  known.set(secret, unique);
  return unique;
}
