import type { MetaError } from '../errors/meta-error.ts';
import { asPartialRefusal } from '../errors/refusal.ts';

/** The union of all lists, each object once. */
export interface Reached<T> {
  items: T[];
  /** Ids named by any list or granular scope, including objects that Meta did not show. */
  namedIds: ReadonlySet<string>;
  /** True if every list was read to its end, so that an id named nowhere is gone. */
  isComplete: boolean;
}

/** Called after every 100 items with the number of distinct objects so far. May throw to stop reading. */
export type ReachedProgress = (count: number) => Promise<void>;

const PROGRESS_INTERVAL = 100;

/** Merges several lists. A refused list is skipped; the others still count. */
export class AssetUnion<T extends { id: string }> {
  readonly #items = new Map<string, T>();
  readonly #namedIds = new Set<string>();
  #answered = 0;
  #refusal: MetaError | null = null;
  #hasGap = false;
  #seen = 0;

  /** `merge` combines what two lists say about one object. */
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

  /** Reads a list to its end. Returns false if Meta refused it, keeping what was read. Rethrows every other error. */
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

  /** Adds ids that a granular scope names, whether or not the token can read the objects. */
  addNames(ids: Iterable<string>): void {
    for (const id of ids) this.#namedIds.add(id);
  }

  /** Records that something was read only in part, so that an id named nowhere may still exist. */
  noteGap(): void {
    this.#hasGap = true;
  }

  /** Records that a list was refused. Rethrows anything that is not a refusal. */
  noteRefusal(error: unknown): void {
    const refusal = asPartialRefusal(error);
    if (refusal === null) throw error;
    this.#refusal ??= refusal;
  }

  /** Throws the first refusal if Meta refused every list and returned no object. */
  result(): Reached<T> {
    if (this.#refusal !== null && this.#answered === 0 && this.#items.size === 0) throw this.#refusal;
    return { items: this.items, namedIds: this.#namedIds, isComplete: this.#refusal === null && !this.#hasGap };
  }
}
