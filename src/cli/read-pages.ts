/** One page of a list that is ordered by id. */
export interface IdPage<R> {
  rows: R[];
  hasMore: boolean;
}

/** Yields every page of a list; `read` returns the page after an id. */
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

/** Creates a page from up to `limit` + 1 rows read. */
export function toIdPage<R>(rows: R[], limit: number): IdPage<R> {
  return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
}
