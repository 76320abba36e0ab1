import { inspect } from 'node:util';

const MASK = '[secret]';

/**
 * A string that cannot be printed by accident: JSON, logs, template strings and `util.inspect` show a mask. Search for
 * `expose()` to find every use of a secret.
 */
export class SecretString {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** Returns the secret. Only for the wire and the vault. */
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
