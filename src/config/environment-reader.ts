/** Invalid settings. Names every wrong or missing variable and its fix, but never a value that could be secret. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(
      `Cannot start: the configuration has ${faults.length === 1 ? 'one fault' : `${faults.length} faults`}:\n` +
        faults.map((fault) => `  - ${fault}`).join('\n'),
    );
    this.name = 'ConfigError';
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads variables and collects all faults, so that one start reports everything. */
export class EnvironmentReader {
  readonly faults: string[] = [];
  /** Problems that do not prevent the start. */
  readonly warnings: string[] = [];

  constructor(private readonly environment: Environment) {}

  /** Returns a trimmed variable, or null if unset or empty. */
  text(name: string): string | null {
    const value = this.environment[name]?.trim();
    return value === undefined || value === '' ? null : value;
  }

  /** Reports a fault in one variable: what is wrong and what to do. */
  fault(name: string, sentence: string): void {
    this.faults.push(`${name} ${sentence}`);
  }

  /** Like `fault`, for problems that do not prevent the start. */
  warn(name: string, sentence: string): void {
    this.warnings.push(`${name} ${sentence}`);
  }

  /** Reads a variable that must match `pattern`. Pass `canShow: false` for anything that could be secret. */
  matching(name: string, pattern: RegExp, form: string, canShow = true): string | null {
    const value = this.text(name);
    if (value === null || pattern.test(value)) return value;
    this.fault(name, `must be ${form}; ${canShow ? `it is ${quote(value)}` : `it has ${value.length} characters`}.`);
    return null;
  }

  /** Reads one of a few values. */
  oneOf<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const value = this.text(name);
    if (value === null) return fallback;
    const choice = choices.find((each) => each === value);
    if (choice === undefined) this.fault(name, `must be one of ${choices.join(', ')}; it is ${quote(value)}.`);
    return choice ?? fallback;
  }

  /** Reads an integer within a range. */
  integer(name: string, fallback: number, smallest: number, largest: number): number {
    const value = this.text(name);
    if (value === null) return fallback;
    const number = /^\d{1,12}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= smallest && number <= largest) return number;
    this.fault(name, `must be a whole number from ${smallest} to ${largest}; it is ${quote(value)}.`);
    return fallback;
  }

  /** Like `integer`, but null if unset. */
  optionalInteger(name: string, smallest: number, largest: number): number | null {
    return this.text(name) === null ? null : this.integer(name, smallest, smallest, largest);
  }

  /** Reads a comma-separated list. Returns null if unset. */
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

  /** Throws one error with all faults, if any. */
  finish(): void {
    if (this.faults.length > 0) throw new ConfigError(this.faults);
  }
}

function quote(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}
