import { hash } from 'node:crypto';

/** Element of a text array, and the comma after it or the brace at the end. */
const ELEMENT = /(?:"((?:[^"\\]|\\.)*)"|([^",{}]*))[,}]/gsy;

/**
 * The columns of an entry and their digest, from Postgres' text of `ENTRY_FIELDS`: the same as the array and
 * `ENTRY_DIGEST`, but Postgres assembles them once, and the driver needs not read each character.
 */
export function readEntryText(text: string): { fields: (string | null)[]; digest: Buffer } {
  return { fields: parseTextArray(text), digest: hash('sha256', text, 'buffer') };
}

/**
 * Parses Postgres' text of a flat array of texts that is not empty
 * (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). Throws if it is none.
 */
export function parseTextArray(text: string): (string | null)[] {
  const elements: (string | null)[] = [];
  ELEMENT.lastIndex = 1;
  while (ELEMENT.lastIndex < text.length) {
    const found = ELEMENT.exec(text);
    if (found === null) throw new Error('the text of an array cannot be read');
    const [, quoted, plain] = found;
    if (quoted !== undefined) elements.push(quoted.includes('\\') ? quoted.replace(/\\(.)/gs, '$1') : quoted);
    else elements.push(plain === 'NULL' ? null : (plain ?? ''));
  }
  return elements;
}
