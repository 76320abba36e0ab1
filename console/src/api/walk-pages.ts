/** One page of a list of the API. */
export interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

/** Follows `next_cursor` through all pages of a list. */
export async function* walkPages<T>(
  read: (cursor: string | undefined) => Promise<Page<T>>,
): AsyncGenerator<T[], void, undefined> {
  let cursor: string | undefined;
  do {
    const page = await read(cursor);
    yield page.data;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}
