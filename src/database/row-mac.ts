/**
 * The keyed MAC of rows that decide who may do what, 16 bytes. The vault's key ring implements it; the composition binds it
 * (`{ provide: RowMac, useExisting: KeyRing }`), because the modules that own such rows stand below the vault.
 */
export abstract class RowMac {
  abstract computeRowMac(message: string): Buffer;
}

/** What a MAC can cover. Objects are JSON, as Postgres returns it: the order of their keys does not count. */
export type CoveredValue =
  | string
  | number
  | boolean
  | Date
  | Uint8Array
  | null
  | readonly CoveredValue[]
  | { readonly [key: string]: CoveredValue | undefined };

/** Which values of a row its MAC covers. `R` holds these and what identifies the row. */
export interface RowMacDefinition<R> {
  readonly table: string;
  /** What identifies the row in log and record: never a secret. */
  readonly idOf: (row: R) => string;
  /** The unambiguous text that the MAC is computed from: table, version and values. */
  readonly encode: (row: R) => string;
}

/**
 * Defines the MAC of a table's rows. `version` is for another list of `covers`. Instants count in milliseconds, which is what this service
 * writes.
 */
export function defineRowMac<R>(
  table: string,
  version: number,
  { idOf, covers }: { idOf: (row: R) => string; covers: (row: R) => readonly CoveredValue[] },
): RowMacDefinition<R> {
  return { table, idOf, encode: (row) => encodeValue([table, version, covers(row)]) };
}

/**
 * Each value with its kind and, where it has no end of its own, its length or count in front, so that no two different values have the same
 * text.
 */
export function encodeValue(value: CoveredValue): string {
  if (value === null) return 'n';
  switch (typeof value) {
    case 'string':
      return `s${value.length}:${value}`;
    case 'number':
      return `i${value};`;
    case 'boolean':
      return value ? 't' : 'f';
    default:
      return encodeObject(value);
  }
}

function encodeObject(value: Exclude<CoveredValue, string | number | boolean | null>): string {
  if (value instanceof Date) return `d${value.getTime()};`;
  if (value instanceof Uint8Array)
    return `b${value.length}:${Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex')}`;
  if (isList(value)) {
    let text = `a${value.length}:`;
    for (const element of value) text += encodeValue(element);
    return text;
  }
  let text = '';
  let count = 0;
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    // JSON has no such member either.
    if (member === undefined) continue;
    text += encodeValue(key) + encodeValue(member);
    count++;
  }
  return `o${count}:${text}`;
}

function isList(value: object): value is readonly CoveredValue[] {
  return Array.isArray(value);
}
