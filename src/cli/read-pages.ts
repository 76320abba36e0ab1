/** One page of a list in the order of ids. */
export interface IdPage<R> {
  rows: R[];
  hasMore: boolean;
}

/** Every page of a list; `read` gives the page after an id. */
export async function* readPages<R extends { id: string }>(
  read: (after: string | null) => Promise<IdPage<R>>,
): AsyncGenerator<R[]> {
  for (let after: string | null = null; ; ) {
    const { rows, hasMore }: IdPage<R> = await read(after);
    yield rows;
    if (!hasMore) return;
    after = rows.at(-1)?.id ?? null;
  }
}

/** A page from rows that were read with `limit + 1`. */
export function toIdPage<R>(rows: R[], limit: number): IdPage<R> {
  return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
}
