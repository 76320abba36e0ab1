import { Button, Group, NativeSelect, Text, TextInput, Tooltip } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import type { Connection } from '../../components/connection-summary.ts';
import { type Column, DataTable } from '../../components/data-table.tsx';
import { Icon } from '../../components/icon.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Section } from '../../components/section.tsx';
import type { Messages } from '../../messages/messages.ts';
import { useMessages } from '../../messages/use-messages.tsx';
import { connectionKey } from './connection-query.ts';

type Asset = Schemas['AssetResponse'];
type AssetType = Asset['type'];

const PAGE_SIZE = 20;
const TYPES: readonly AssetType[] = [
  'page',
  'instagram_account',
  'whatsapp_business_account',
  'phone_number',
  'ad_account',
];
const TYPING_MS = 250;

/** What the tokens reach, page by page. */
export function AssetsSection({ connection }: { connection: Connection }) {
  const messages = useMessages();
  const { connection: page, terms, frame } = messages;
  const { assets: words } = page;
  const [text, setText] = useState('');
  const [type, setType] = useState<AssetType | undefined>(undefined);
  const [q] = useDebouncedValue(text.trim(), TYPING_MS);
  const { id } = connection;
  const filter = { ...(q === '' ? {} : { q }), ...(type === undefined ? {} : { type }) };
  const list = useInfiniteQuery({
    queryKey: [...connectionKey(id), 'assets', filter],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET('/v1/connections/{id}/assets', {
          params: { path: { id }, query: { ...filter, limit: PAGE_SIZE, cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
  const isFiltered = q !== '' || type !== undefined;
  return (
    <Section flush title={`${words.title} (${connection.assets_count})`}>
      {connection.assets_count > 1 && (
        <Group px="md" pb="xs" gap="xs">
          <TextInput
            type="search"
            size="xs"
            flex="1 1 160px"
            aria-label={words.search}
            placeholder={words.search}
            leftSection={<Icon name="search" size={14} />}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <NativeSelect
            size="xs"
            aria-label={words.type}
            value={type ?? ''}
            data={[
              { value: '', label: words.anyType },
              ...TYPES.map((value) => ({ value, label: terms.assetTypes[value] })),
            ]}
            onChange={(event) => setType(TYPES.find((each) => each === event.currentTarget.value))}
          />
        </Group>
      )}
      <ProblemNotice error={list.error} onRetry={() => void list.refetch()} />
      <DataTable
        label={words.title}
        columns={assetColumns(messages)}
        rows={list.data?.pages.flatMap(({ data }) => data) ?? []}
        rowKey={(asset) => `${asset.type} ${asset.id}`}
        isLoading={list.isPending}
        empty={
          <Text size="sm" c="dimmed" px="md" pb="md">
            {isFiltered ? words.noneFound : words.none}
          </Text>
        }
      />
      {list.hasNextPage && (
        <Group justify="center" p="xs">
          <Button
            size="xs"
            variant="subtle"
            loading={list.isFetchingNextPage}
            onClick={() => void list.fetchNextPage()}
          >
            {frame.list.more}
          </Button>
        </Group>
      )}
    </Section>
  );
}

function assetColumns({ connection: { assets: words }, terms }: Messages): Column<Asset>[] {
  return [
    {
      key: 'name',
      title: words.name,
      cell: ({ name, id }) => (
        <>
          <Text size="sm">{name ?? id}</Text>
          <Text size="xs" c="dimmed" className="id-text">
            {id}
          </Text>
        </>
      ),
    },
    { key: 'type', title: words.type, cell: ({ type }) => <Text size="sm">{terms.assetTypes[type]}</Text> },
    {
      key: 'usable',
      title: words.usable,
      cell: ({ usable }) =>
        usable ? (
          <Tooltip label={words.usable}>
            <span>
              <Icon name="check" size={16} />
            </span>
          </Tooltip>
        ) : (
          <Text size="sm">{words.unusable}</Text>
        ),
    },
  ];
}
