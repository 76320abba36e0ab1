import type { MetaError } from '../errors/meta-error.ts';
import { asPartialRefusal } from '../errors/refusal.ts';

/** What all lists together name, each object once. */
export interface Reached<T> {
  items: T[];
  /** By any list or granular scope, whether Meta showed the object or not. */
  namedIds: ReadonlySet<string>;
  /** Every list was read to its end: what is named nowhere is gone. */
  isComplete: boolean;
}

/** Called now and then while lists are read, with how many objects there are by now. May throw, which ends the reading. */
export type ReachedProgress = (count: number) => Promise<void>;

const PROGRESS_INTERVAL = 100;

/** The union of several lists. One that Meta refuses costs only itself. */
export class AssetUnion<T extends { id: string }> {
  readonly #items = new Map<string, T>();
  readonly #namedIds = new Set<string>();
  #answered = 0;
  #refusal: MetaError | null = null;
  #hasGap = false;
  #seen = 0;

  /** `merge`: what two lists together say of one object. */
  constructor(
    private readonly merge: (known: T, item: T) => T,
    private readonly onProgress: ReachedProgress,
  ) {}

  get items(): T[] {
    return [...this.#items.values()];
  }

  get(id: string): T | undefined {
    return this.#items.get(id);
  }

  /** Reads a list to its end. False where Meta refused it; what it gave before stays. Throws other `MetaError`s. */
  async addList(list: AsyncIterable<T>): Promise<boolean> {
    try {
      for await (const item of list) await this.add(item);
    } catch (error) {
      this.noteRefusal(error);
      return false;
    }
    this.#answered++;
    return true;
  }

  async add(item: T): Promise<void> {
    const known = this.#items.get(item.id);
    this.#items.set(item.id, known === undefined ? item : this.merge(known, item));
    this.#namedIds.add(item.id);
    if (++this.#seen % PROGRESS_INTERVAL === 0) await this.onProgress(this.#items.size);
  }

  /** A granular scope names these objects; whether the token may see them is another matter. */
  addNames(ids: Iterable<string>): void {
    for (const id of ids) this.#namedIds.add(id);
  }

  /** Something was read in part only: what is not named may be there all the same. */
  noteGap(): void {
    this.#hasGap = true;
  }

  /** A list on the way to others was refused. Throws what is no refusal. */
  noteRefusal(error: unknown): void {
    const refusal = asPartialRefusal(error);
    if (refusal === null) throw error;
    this.#refusal ??= refusal;
  }

  /** Throws the first refusal where Meta refused every list and showed nothing else. */
  result(): Reached<T> {
    if (this.#refusal !== null && this.#answered === 0 && this.#items.size === 0) throw this.#refusal;
    return { items: this.items, namedIds: this.#namedIds, isComplete: this.#refusal === null && !this.#hasGap };
  }
}
