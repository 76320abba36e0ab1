import { Button, Group, Paper, Text } from '@mantine/core';
import { useState } from 'react';
import { api, unwrap } from '../../api/client.ts';
import { useLiveInterval } from '../../api/use-live-interval.ts';
import { usePagedList } from '../../api/use-paged-list.ts';
import { DataTable } from '../../components/data-table.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { Pager } from '../../components/pager.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { fill } from '../../messages/messages.ts';
import { useMessages } from '../../messages/use-messages.tsx';
import { useCanChange, useCanManageTenants } from '../../session/use-session.ts';
import { BulkDialog } from './bulk-dialog.tsx';
import { connectionColumns } from './connection-columns.tsx';
import { toConnectionQuery } from './connection-filter.ts';
import { ExportButton } from './export-button.tsx';
import { FilterBar, useFilters } from './filter-bar.tsx';
import type { BulkAction } from './use-bulk-run.ts';
import { type Selection, useSelection } from './use-selection.ts';

const PAGE_SIZE = 50;
const CHANGES = ['check', 'refresh'] as const;

export function ConnectionsPage() {
  const messages = useMessages();
  const { connections: words } = messages;
  const canRevoke = useCanManageTenants();
  const { search } = useFilters();
  const query = toConnectionQuery(search);
  const selection = useSelection();
  const [exportError, setExportError] = useState<unknown>(null);
  const list = usePagedList(
    ['connections', query],
    (cursor, signal) =>
      unwrap(api.GET('/v1/connections', { params: { query: { ...query, limit: PAGE_SIZE, cursor } }, signal })),
    { refetchInterval: useLiveInterval() },
  );
  return (
    <>
      <PageHeader title={words.title} description={words.description}>
        <ExportButton query={query} onError={setExportError} />
      </PageHeader>
      <ProblemNotice error={exportError} />
      <ProblemNotice error={list.error} onRetry={list.refetch} />
      <Paper style={{ overflow: 'hidden' }}>
        <FilterBar />
        {canRevoke && <BulkBar selection={selection} />}
        <DataTable
          label={words.title}
          columns={connectionColumns(messages, canRevoke ? selection : null, list.rows)}
          rows={list.rows}
          rowKey={({ id }) => id}
          isLoading={list.isLoading}
          isSelected={({ id }) => selection.has(id)}
          empty={list.error === null && <NothingFound />}
        />
        <Pager list={list} />
      </Paper>
    </>
  );
}

function NothingFound() {
  const { connections: words, frame } = useMessages();
  const { isFiltered, clear } = useFilters();
  return isFiltered ? (
    <EmptyState icon="search" title={frame.list.emptyFiltered}>
      <Button variant="default" size="xs" onClick={clear}>
        {frame.list.clearFilters}
      </Button>
    </EmptyState>
  ) : (
    <EmptyState icon="connections" title={words.empty} detail={words.emptyDetail} />
  );
}

/** The actions on the chosen rows. */
function BulkBar({ selection }: { selection: Selection }) {
  const { connections: words } = useMessages();
  const [action, setAction] = useState<BulkAction | null>(null);
  const canChange = useCanChange();
  const count = selection.chosen.length;
  const close = (): void => {
    setAction(null);
    selection.clear();
  };
  if (count === 0 && action === null) return null;
  return (
    <Group gap="xs" px="md" pb="sm" role="toolbar" aria-label={fill(words.selected, { count })}>
      <Text size="sm" fw={550} aria-live="polite">
        {fill(words.selected, { count })}
      </Text>
      {(canChange ? CHANGES : []).map((each) => (
        <Button key={each} size="xs" variant="default" onClick={() => setAction(each)}>
          {words.bulk[each]}
        </Button>
      ))}
      <Button size="xs" variant="light" color="red" onClick={() => setAction('revoke')}>
        {words.bulk.revoke}
      </Button>
      <Button size="xs" variant="subtle" color="gray" onClick={selection.clear}>
        {words.clearSelection}
      </Button>
      {action !== null && <BulkDialog action={action} chosen={selection.chosen} onClose={close} />}
    </Group>
  );
}
