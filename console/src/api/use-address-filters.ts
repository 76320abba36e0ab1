import { useSearchParams } from 'wouter';

/** Filters of a list that are kept in the page's URL. Changing a filter returns to the first page. */
export interface AddressFilters<Name extends string> {
  /** Empty: not set. */
  get: (name: Name) => string;
  set: (name: Name, value: string) => void;
  clear: () => void;
  isFiltered: boolean;
}

export function useAddressFilters<Name extends string>(names: readonly Name[]): AddressFilters<Name> {
  const [search, setSearch] = useSearchParams();
  return {
    get: (name) => search.get(name) ?? '',
    set: (name, value) =>
      setSearch((before) => {
        const after = new URLSearchParams(before);
        after.delete('cursor');
        if (value === '') after.delete(name);
        else after.set(name, value);
        return after;
      }),
    clear: () => setSearch(new URLSearchParams()),
    isFiltered: names.some((name) => search.has(name)),
  };
}
