import { Anchor, Badge, Button, Paper, Text } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'wouter';
import { api, unwrap } from '../../api/client.ts';
import { usePagedList } from '../../api/use-paged-list.ts';
import { DataTable } from '../../components/data-table.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { Icon } from '../../components/icon.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { Pager } from '../../components/pager.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { useLanguage } from '../../messages/use-messages.tsx';
import { useCanManageTenants } from '../../session/use-session.ts';
import { NewAppDialog } from './app-dialogs.tsx';

const PAGE_SIZE = 50;

export function AppsPage() {
  const { locale, messages } = useLanguage();
  const { apps: words, frame } = messages;
  const [isAdding, setIsAdding] = useState(false);
  const canChange = useCanManageTenants();
  const list = usePagedList(['apps', 'list'], (cursor, signal) =>
    unwrap(api.GET('/v1/apps', { params: { query: { limit: PAGE_SIZE, cursor } }, signal })),
  );
  return (
    <>
      <PageHeader title={words.title} description={words.description}>
        {canChange && (
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setIsAdding(true)}>
            {words.newApp}
          </Button>
        )}
      </PageHeader>
      <ProblemNotice error={list.error} onRetry={list.refetch} />
      <Paper style={{ overflow: 'hidden' }}>
        <DataTable
          label={words.title}
          columns={[
            {
              key: 'name',
              title: words.name,
              cell: ({ app_id: id, name }) => (
                <>
                  <Anchor component={Link} href={`/apps/${id}`} size="sm" fw={550}>
                    {name}
                  </Anchor>
                  <Text size="xs" c="dimmed" className="id-text">
                    {id}
                  </Text>
                </>
              ),
            },
            {
              key: 'source',
              title: words.source,
              secondary: true,
              cell: ({ source }) => <Badge variant="default">{words.sources[source]}</Badge>,
            },
            {
              key: 'tenants',
              title: words.tenants,
              secondary: true,
              cell: ({ tenants }) => (tenants.includes('*') ? frame.session.allTenants : tenants.join(', ')),
            },
            {
              key: 'version',
              title: words.version,
              secondary: true,
              cell: ({ graph_api_version: version }) => <span className="id-text">{version}</span>,
            },
            {
              key: 'connections',
              title: words.connections,
              align: 'right',
              cell: ({ connections }) => connections.toLocaleString(locale),
            },
          ]}
          rows={list.rows}
          rowKey={({ app_id: id }) => id}
          isLoading={list.isLoading}
          empty={list.error === null && <EmptyState icon="apps" title={words.empty} />}
        />
        <Pager list={list} />
      </Paper>
      {isAdding && <NewAppDialog onClose={() => setIsAdding(false)} />}
    </>
  );
}
