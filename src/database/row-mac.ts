/**
 * Keyed MAC of rows that decide access, 16 bytes. The vault's key ring implements it; the composition root binds the
 * two, because modules that own such rows must not import the vault.
 */
export abstract class RowMac {
  abstract computeRowMac(message: string): Buffer;
}

/** Values that a MAC can cover. Objects are JSON; the order of keys doesn't matter. */
export type CoveredValue =
  | string
  | number
  | boolean
  | Date
  | Uint8Array
  | null
  | readonly CoveredValue[]
  | { readonly [key: string]: CoveredValue | undefined };

/** Defines what a row's MAC covers. `R` has these columns and those that identify the row. */
export interface RowMacDefinition<R> {
  readonly table: string;
  /** Identifies the row in the log and the audit record: never a secret. */
  readonly idOf: (row: R) => string;
  /** Encodes table, version and values unambiguously, as input of the MAC. */
  readonly encode: (row: R) => string;
}

/**
 * Defines the MAC of a table's rows. Increment `version` when `covers` changes. Dates count in milliseconds, as we
 * write them.
 */
export function defineRowMac<R>(
  table: string,
  version: number,
  { idOf, covers }: { idOf: (row: R) => string; covers: (row: R) => readonly CoveredValue[] },
): RowMacDefinition<R> {
  return { table, idOf, encode: (row) => encodeValue([table, version, covers(row)]) };
}

/**
 * Encodes a value with its type and, where needed, its length or count, so that different values encode differently.
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
    // JSON omits it as well.
    if (member === undefined) continue;
    text += encodeValue(key) + encodeValue(member);
    count++;
  }
  return `o${count}:${text}`;
}

function isList(value: object): value is readonly CoveredValue[] {
  return Array.isArray(value);
}
