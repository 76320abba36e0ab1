import { Anchor, Badge, Button, Group, Paper, Text } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'wouter';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { useAddressFilters } from '../../api/use-address-filters.ts';
import { useChange } from '../../api/use-change.ts';
import { useLiveInterval } from '../../api/use-live-interval.ts';
import { usePagedList } from '../../api/use-paged-list.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { type Column, DataTable } from '../../components/data-table.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { SelectFilterField, TextFilterField } from '../../components/filter-fields.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { Pager } from '../../components/pager.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Time } from '../../components/time.tsx';
import { useClientNames } from '../../components/use-client-names.ts';
import { fill, type Messages } from '../../messages/messages.ts';
import { useMessages } from '../../messages/use-messages.tsx';
import { useCanChange } from '../../session/use-session.ts';

type Lease = Schemas['LeaseResponse'];

const STATUSES = ['active', 'ended', 'expired'] as const;
const COLORS = { active: 'teal', ended: 'gray', expired: 'gray' } as const;
const ANY = 'any';
const PAGE_SIZE = 50;

/** Active leases and their holders, unless another state is chosen. */
export function LeasesPage() {
  const messages = useMessages();
  const { leases: words } = messages;
  const filters = useAddressFilters(['status', 'tenant', 'client_id', 'connection_id']);
  const chosen = filters.get('status');
  const status = chosen === '' ? 'active' : STATUSES.find((each) => each === chosen);
  const query = {
    status,
    tenant: filters.get('tenant') || undefined,
    client_id: filters.get('client_id') || undefined,
    connection_id: filters.get('connection_id') || undefined,
  };
  const list = usePagedList(
    ['leases', query],
    (cursor, signal) =>
      unwrap(api.GET('/v1/leases', { params: { query: { ...query, limit: PAGE_SIZE, cursor } }, signal })),
    { refetchInterval: useLiveInterval() },
  );
  const [ending, setEnding] = useState<Lease | null>(null);
  const canChange = useCanChange();
  const clientName = useClientNames();
  return (
    <>
      <PageHeader title={words.title} description={words.description} />
      <ProblemNotice error={list.error} onRetry={list.refetch} />
      <Paper style={{ overflow: 'hidden' }}>
        <Group gap="sm" align="flex-end" role="search" aria-label={messages.connections.filters.label} p="md">
          <SelectFilterField
            label={words.state}
            value={chosen === '' ? 'active' : chosen}
            options={[
              ...STATUSES.map((value) => ({ value, label: words.states[value] })),
              { value: ANY, label: words.anyState },
            ]}
            onChange={(value) => filters.set('status', value === 'active' ? '' : value)}
          />
          {(
            [
              ['tenant', messages.connections.filters.tenant],
              ['client_id', words.clientId],
              ['connection_id', words.connectionId],
            ] as const
          ).map(([name, label]) => (
            <TextFilterField
              key={name}
              label={label}
              value={filters.get(name)}
              onChange={(value) => filters.set(name, value)}
            />
          ))}
        </Group>
        <DataTable
          label={words.title}
          columns={columnsOf(messages, clientName, canChange ? setEnding : null)}
          rows={list.rows}
          rowKey={({ lease_id: id }) => id}
          isLoading={list.isLoading}
          empty={list.error === null && <EmptyState icon="leases" title={words.empty} />}
        />
        <Pager list={list} />
      </Paper>
      {ending !== null && <EndLeaseDialog lease={ending} onClose={() => setEnding(null)} />}
    </>
  );
}

function columnsOf(
  { leases: words }: Messages,
  clientName: (id: string) => string,
  end: ((lease: Lease) => void) | null,
): Column<Lease>[] {
  const columns: Column<Lease>[] = [
    {
      key: 'client',
      title: words.client,
      cell: ({ client_id: id, lease_id: leaseId, status, mode }) => (
        <>
          <Text size="sm">{clientName(id)}</Text>
          <Text size="xs" c="dimmed" className="id-text id-line">
            {leaseId}
          </Text>
          <Text size="xs" hiddenFrom="sm">
            {words.states[status]} · {words.modes[mode]}
          </Text>
        </>
      ),
    },
    {
      key: 'connection',
      title: words.connection,
      cell: ({ connection_id: id, tenant }) => (
        <>
          <Text size="sm">{tenant}</Text>
          <Anchor component={Link} href={`/connections/${id}`} size="xs" className="id-text id-line">
            {id}
          </Anchor>
        </>
      ),
    },
    {
      key: 'state',
      title: words.state,
      secondary: true,
      cell: ({ status, mode }) => (
        <>
          <Badge color={COLORS[status]}>{words.states[status]}</Badge>
          <Text size="xs" c="dimmed" pl={4}>
            {words.modes[mode]}
          </Text>
        </>
      ),
    },
    { key: 'issued', title: words.issued, secondary: true, cell: ({ issued_at: at }) => <Time at={at} /> },
    {
      key: 'ends',
      title: words.ends,
      secondary: true,
      cell: ({ expires_at: at, ended_at: ended }) => <Time at={ended ?? at} form="relative" />,
    },
  ];
  if (end !== null)
    columns.push({
      key: 'end',
      title: '',
      align: 'right',
      cell: (lease) =>
        lease.status === 'active' && (
          <Button size="compact-xs" variant="light" color="red" onClick={() => end(lease)}>
            {words.end}
          </Button>
        ),
    });
  return columns;
}

function EndLeaseDialog({ lease, onClose }: { lease: Lease; onClose: () => void }) {
  const { leases: words } = useMessages();
  const end = useChange(() => unwrap(api.DELETE('/v1/leases/{id}', { params: { path: { id: lease.lease_id } } })), {
    changes: [['leases']],
    done: () => words.ended,
  });
  return (
    <ConfirmDialog
      opened
      title={words.endTitle}
      confirm={words.end}
      danger
      isPending={end.isPending}
      error={end.error}
      onConfirm={() => end.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      <Text size="sm">{fill(words.endPreview, { tenant: lease.tenant })}</Text>
    </ConfirmDialog>
  );
}
