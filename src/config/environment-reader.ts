/** The settings do not allow a start. The message names every wrong or missing variable with its fix, and never a value that could be secret. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(
      `The configuration does not allow a start (${faults.length === 1 ? 'one fault' : `${faults.length} faults`}):\n` +
        faults.map((fault) => `  - ${fault}`).join('\n'),
    );
    this.name = 'ConfigError';
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads variables and collects what is wrong with them, so that one start reports everything. */
export class EnvironmentReader {
  readonly faults: string[] = [];
  /** What does not stop the start, and yet should not stay as it is. */
  readonly warnings: string[] = [];

  constructor(private readonly environment: Environment) {}

  /** A variable without the white space around it; unset and empty are the same. */
  text(name: string): string | null {
    const value = this.environment[name]?.trim();
    return value === undefined || value === '' ? null : value;
  }

  /** A sentence about one variable: what is wrong and what to do. */
  fault(name: string, sentence: string): void {
    this.faults.push(`${name} ${sentence}`);
  }

  /** As `fault`, for what does not stop the start. */
  warn(name: string, sentence: string): void {
    this.warnings.push(`${name} ${sentence}`);
  }

  /** A variable with a form. `shown` may quote the value: never for what could hold a secret. */
  matching(name: string, pattern: RegExp, form: string, canShow = true): string | null {
    const value = this.text(name);
    if (value === null || pattern.test(value)) return value;
    this.fault(name, `must be ${form}; ${canShow ? `it is ${quote(value)}` : `it has ${value.length} characters`}.`);
    return null;
  }

  /** One of a few values. */
  oneOf<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const value = this.text(name);
    if (value === null) return fallback;
    const choice = choices.find((each) => each === value);
    if (choice === undefined) this.fault(name, `must be one of ${choices.join(', ')}; it is ${quote(value)}.`);
    return choice ?? fallback;
  }

  /** A whole number within a range. */
  integer(name: string, fallback: number, smallest: number, largest: number): number {
    const value = this.text(name);
    if (value === null) return fallback;
    const number = /^\d{1,12}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= smallest && number <= largest) return number;
    this.fault(name, `must be a whole number from ${smallest} to ${largest}; it is ${quote(value)}.`);
    return fallback;
  }

  /** Null where the variable is unset. */
  optionalInteger(name: string, smallest: number, largest: number): number | null {
    return this.text(name) === null ? null : this.integer(name, smallest, smallest, largest);
  }

  /** The parts of a comma-separated list that have a form; null where the variable is unset. */
  list(name: string, isValid: (item: string) => boolean, form: string): readonly string[] | null {
    const value = this.text(name);
    if (value === null) return null;
    const items = value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    const invalid = items.find((item) => !isValid(item));
    if (invalid !== undefined) this.fault(name, `must be ${form}, separated by commas; ${quote(invalid)} is not.`);
    return items;
  }

  /** Throws one error with everything that was found. */
  finish(): void {
    if (this.faults.length > 0) throw new ConfigError(this.faults);
  }
}

function quote(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}
