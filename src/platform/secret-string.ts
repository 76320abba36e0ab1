import { inspect } from 'node:util';

const MASK = '[secret]';

/**
 * A string that can't be printed by accident: JSON, logs, template strings and `util.inspect` show a mask. Only `expose()` returns the
 * value, so a search for that name finds every place where a secret is used.
 */
export class SecretString {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The secret itself. For the wire and the vault only. */
  expose(): string {
    return this.#value;
  }

  get length(): number {
    return this.#value.length;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}
