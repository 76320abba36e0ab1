import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useRef } from 'react';
import { useSearchParams } from 'wouter';
import type { Page } from './walk-pages.ts';

/** One page of a list, with navigation to its neighbors. */
export interface PagedList<T> {
  rows: readonly T[];
  error: Error | null;
  /** Nothing has been read yet. */
  isLoading: boolean;
  /** Another page is loading, and the previous one is still shown. */
  isFetching: boolean;
  refetch: () => void;
  /** Null: this is the first page. */
  toFirst: (() => void) | null;
  toPrevious: (() => void) | null;
  toNext: (() => void) | null;
}

/**
 * Reads a list page by page. The page is in the URL as `?cursor=`, so that "back" leads to the previous one; changing a
 * filter must remove it.
 */
export function usePagedList<T>(
  key: readonly unknown[],
  read: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
  options: { refetchInterval?: number | false } = {},
): PagedList<T> {
  const [search, setSearch] = useSearchParams();
  const cursor = search.get('cursor') ?? undefined;
  // Cursors only lead forward: remember the ones seen, to go back.
  const previous = useRef(new Map<string, string | undefined>());
  const query = useQuery({
    queryKey: [...key, { cursor }],
    queryFn: ({ signal }) => read(cursor, signal),
    placeholderData: keepPreviousData,
    ...options,
  });
  const goTo = (to: string | undefined) => () =>
    setSearch((before) => {
      const after = new URLSearchParams(before);
      if (to === undefined) after.delete('cursor');
      else after.set('cursor', to);
      return after;
    });
  const next = query.isPlaceholderData ? undefined : query.data?.next_cursor;
  const known = cursor !== undefined && previous.current.has(cursor);
  return {
    rows: query.data?.data ?? [],
    error: query.error,
    isLoading: query.isPending,
    isFetching: query.isFetching,
    refetch: () => void query.refetch(),
    toFirst: cursor === undefined ? null : goTo(undefined),
    toPrevious: known ? goTo(previous.current.get(cursor)) : null,
    toNext:
      typeof next !== 'string'
        ? null
        : () => {
            previous.current.set(next, cursor);
            goTo(next)();
          },
  };
}
