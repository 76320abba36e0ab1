import { Anchor, Badge, Button, Paper, Text } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'wouter';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { usePagedList } from '../../api/use-paged-list.ts';
import { type Column, DataTable } from '../../components/data-table.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { Icon } from '../../components/icon.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { Pager } from '../../components/pager.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Time } from '../../components/time.tsx';
import type { Messages } from '../../messages/messages.ts';
import { useMessages } from '../../messages/use-messages.tsx';
import { NewClientDialog } from './new-client-dialog.tsx';

type Client = Schemas['ClientWithKeysResponse'];

const PAGE_SIZE = 50;

export function ClientsPage() {
  const messages = useMessages();
  const { clients: words } = messages;
  const [isMaking, setIsMaking] = useState(false);
  const list = usePagedList(['clients', 'list'], (cursor, signal) =>
    unwrap(api.GET('/v1/clients', { params: { query: { limit: PAGE_SIZE, cursor } }, signal })),
  );
  return (
    <>
      <PageHeader title={words.title} description={words.description}>
        <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setIsMaking(true)}>
          {words.newClient}
        </Button>
      </PageHeader>
      <ProblemNotice error={list.error} onRetry={list.refetch} />
      <Paper style={{ overflow: 'hidden' }}>
        <DataTable
          label={words.title}
          columns={columnsOf(messages)}
          rows={list.rows}
          rowKey={({ id }) => id}
          isLoading={list.isLoading}
          empty={list.error === null && <EmptyState icon="clients" title={words.empty} />}
        />
        <Pager list={list} />
      </Paper>
      {isMaking && <NewClientDialog onClose={() => setIsMaking(false)} />}
    </>
  );
}

function columnsOf({ clients: words, terms, frame }: Messages): Column<Client>[] {
  const { roles, allTenants } = frame.session;
  const productsOf = (products: readonly string[]): string =>
    products.includes('*')
      ? words.allProducts
      : products.map((each) => terms.products[each as keyof typeof terms.products]).join(', ');
  return [
    {
      key: 'name',
      title: words.name,
      cell: ({ id, name }) => (
        <Anchor component={Link} href={`/clients/${id}`} size="sm" fw={550}>
          {name}
        </Anchor>
      ),
    },
    { key: 'role', title: words.role, cell: ({ role }) => <Badge variant="default">{roles[role]}</Badge> },
    {
      key: 'covers',
      title: words.covers,
      secondary: true,
      cell: ({ tenants, products }) => (
        <>
          <Text size="sm" lineClamp={1}>
            {tenants.includes('*') ? allTenants : tenants.join(', ')}
          </Text>
          <Text size="xs" c="dimmed">
            {productsOf(products)}
          </Text>
        </>
      ),
    },
    { key: 'keys', title: words.keys, secondary: true, align: 'right', cell: ({ keys }) => keys.length },
    {
      key: 'last-use',
      title: words.lastUse,
      cell: ({ last_used_at: at }) => <Time at={at} form="relative" otherwise={frame.time.never} />,
    },
  ];
}
