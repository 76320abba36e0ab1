import { Button, Group, NativeSelect, Pill, TextInput } from '@mantine/core';
import { type FormEvent, useEffect, useState } from 'react';
import { useLocation, useSearchParams } from 'wouter';
import { Icon } from '../../components/icon.tsx';
import { useMessages } from '../../messages/use-messages.tsx';
import { FILTERS, type FilterName, PRODUCTS, STATUSES, searchedConnection } from './connection-filter.ts';

/** Narrows the list. The filters are in the URL, so that a link shows the same list. */
export function FilterBar() {
  const { connections, terms } = useMessages();
  const { filters: words } = connections;
  const { search, setFilter, clear, isFiltered } = useFilters();
  const optionsOf = (names: Readonly<Record<string, string>>, order: readonly string[] = Object.keys(names)) => [
    { value: '', label: words.any },
    ...order.map((value) => ({ value, label: names[value] ?? value })),
  ];
  const select = (name: FilterName, label: string, data: ReturnType<typeof optionsOf>) => (
    <NativeSelect
      label={label}
      value={search.get(name) ?? ''}
      data={data}
      onChange={(event) => setFilter(name, event.currentTarget.value)}
      size="xs"
      flex={{ base: '1 1 40%', sm: '0 1 auto' }}
    />
  );
  return (
    <Group gap="sm" align="flex-end" role="search" aria-label={words.label} p="md">
      <SearchInput />
      <TextFilter name="tenant" label={words.tenant} />
      {select('product', words.product, optionsOf(terms.products, PRODUCTS))}
      {select('status', words.status, optionsOf(terms.statuses, STATUSES))}
      {select('health', words.health, optionsOf(terms.healths))}
      <TextInput
        type="date"
        size="xs"
        label={words.expiresBefore}
        value={(search.get('expires_before') ?? '').slice(0, 10)}
        onChange={(event) => setFilter('expires_before', event.currentTarget.value)}
        flex={{ base: '1 1 40%', sm: '0 1 auto' }}
      />
      {search.has('reason') && (
        <Pill
          size="md"
          withRemoveButton
          onRemove={() => setFilter('reason', '')}
          removeButtonProps={{ 'aria-label': words.clear, tabIndex: 0 }}
        >
          {words.reason}: {search.get('reason')}
        </Pill>
      )}
      {isFiltered && (
        <Button size="xs" variant="subtle" onClick={clear}>
          {words.clear}
        </Button>
      )}
    </Group>
  );
}

/** The filters in the URL. Changing a filter returns to the first page. */
export function useFilters() {
  const [search, setSearch] = useSearchParams();
  return {
    search,
    isFiltered: FILTERS.some((name) => search.has(name)),
    clear: () => setSearch(new URLSearchParams()),
    setFilter: (name: FilterName, value: string) =>
      setSearch((before) => {
        const after = new URLSearchParams(before);
        after.delete('cursor');
        if (value === '') after.delete(name);
        else after.set(name, value);
        return after;
      }),
  };
}

function SearchInput() {
  const { filters: words } = useMessages().connections;
  const [, navigate] = useLocation();
  const { search, setFilter } = useFilters();
  const [text, setText] = useTextOf(search.get('q'));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const id = searchedConnection(text);
    if (id === null) setFilter('q', text.trim());
    else navigate(`/connections/${id}`);
  };
  return (
    <form onSubmit={submit} style={{ flex: '1 1 220px' }}>
      <TextInput
        type="search"
        size="xs"
        label={words.search}
        placeholder={words.searchPlaceholder}
        leftSection={<Icon name="search" size={14} />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
    </form>
  );
}

function TextFilter({ name, label }: { name: FilterName; label: string }) {
  const { search, setFilter } = useFilters();
  const [text, setText] = useTextOf(search.get(name));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setFilter(name, text.trim());
  };
  return (
    <form onSubmit={submit} style={{ flex: '0 1 130px', minWidth: 100 }}>
      <TextInput
        size="xs"
        label={label}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={() => text.trim() !== (search.get(name) ?? '') && setFilter(name, text.trim())}
        autoComplete="off"
        spellCheck={false}
      />
    </form>
  );
}

/** The text as typed, until the URL changes. */
function useTextOf(value: string | null) {
  const [text, setText] = useState(value ?? '');
  useEffect(() => setText(value ?? ''), [value]);
  return [text, setText] as const;
}
