/** Claims up to `limit` items of one kind of work. */
export type ClaimSource<T> = (limit: number) => Promise<T[]>;

/**
 * Claims up to `limit` (at least 1) from several sources fairly: each gets half of what earlier sources left, the last
 * gets the rest, and what one doesn't take goes to the others. Vary `first` from call to call, so that sources
 * alternate when only one item can be claimed at a time. Rejects only if nothing was claimed.
 */
export async function claimAlternately<T>(
  sources: readonly ClaimSource<T>[],
  first: number,
  limit: number,
): Promise<T[]> {
  const order = sources.map((_, index) => sources[(first + index) % sources.length] as ClaimSource<T>);
  const claimed: T[] = [];
  const unfinished: ClaimSource<T>[] = [];
  const claimFrom = async (source: ClaimSource<T>, count: number): Promise<boolean> => {
    const found = count === 0 ? [] : await source(count);
    claimed.push(...found);
    return count === 0 || found.length > 0;
  };
  try {
    for (const [index, source] of order.entries()) {
      const left = limit - claimed.length;
      const share = index === order.length - 1 ? left : Math.ceil(left / 2);
      if (await claimFrom(source, share)) unfinished.push(source);
    }
    for (const source of unfinished) await claimFrom(source, limit - claimed.length);
  } catch (error) {
    // Claimed items must be processed; the next call hits the error again.
    if (claimed.length === 0) throw error;
  }
  return claimed;
}
