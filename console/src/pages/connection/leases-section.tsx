import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { walkPages } from '../../api/walk-pages.ts';
import type { Connection } from '../../components/connection-summary.ts';
import { type Column, DataTable } from '../../components/data-table.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Section } from '../../components/section.tsx';
import { Time } from '../../components/time.tsx';
import { useClientNames } from '../../components/use-client-names.ts';
import { fill } from '../../messages/messages.ts';
import { useMessages } from '../../messages/use-messages.tsx';
import { connectionKey } from './connection-query.ts';
import { type ClientLeases, leasesByClient } from './leases-by-client.ts';

const DAY_MS = 86_400_000;
const PAGE_SIZE = 200;
/** A busy connection has far more; the latest ones show who uses it. */
const MAX_LEASES = 1_000;

/** Who used the connection during the last day. */
export function LeasesSection({ connection }: { connection: Connection }) {
  const { leases: words } = useMessages().connection;
  const clientName = useClientNames();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: [...connectionKey(connection.id), 'leases'],
    queryFn: ({ signal }) => readLeases(connection.id, signal),
  });
  const columns: Column<ClientLeases>[] = [
    { key: 'client', title: words.client, cell: ({ clientId }) => <Text size="sm">{clientName(clientId)}</Text> },
    {
      key: 'mode',
      title: words.mode,
      secondary: true,
      cell: ({ gateway, token }) => modesOf({ [words.gateway]: gateway, [words.token]: token }),
    },
    { key: 'count', title: words.count, align: 'right', cell: ({ count }) => count },
    { key: 'active', title: words.active, align: 'right', cell: ({ active }) => active },
    { key: 'last', title: words.last, cell: ({ lastIssuedAt }) => <Time at={lastIssuedAt} form="relative" /> },
  ];
  return (
    <Section
      flush
      title={words.title}
      description={data?.isCut ? fill(words.truncated, { count: MAX_LEASES }) : undefined}
    >
      <ProblemNotice error={error} onRetry={() => void refetch()} />
      <DataTable
        label={words.title}
        columns={columns}
        rows={data?.clients ?? []}
        rowKey={({ clientId }) => clientId}
        isLoading={isPending}
        empty={
          <Text size="sm" c="dimmed" px="md" pb="md">
            {words.none}
          </Text>
        }
      />
    </Section>
  );
}

function modesOf(counts: Readonly<Record<string, number>>): string {
  const used = Object.entries(counts).filter(([, count]) => count > 0);
  return used.map(([mode]) => mode).join(', ');
}

/** The list begins with the newest. */
async function readLeases(
  connectionId: string,
  signal: AbortSignal,
): Promise<{ clients: ClientLeases[]; isCut: boolean }> {
  const since = new Date(Date.now() - DAY_MS).toISOString();
  const leases: Schemas['LeaseResponse'][] = [];
  const query = { connection_id: connectionId, limit: PAGE_SIZE };
  const pages = walkPages((cursor) =>
    unwrap(api.GET('/v1/leases', { params: { query: { ...query, cursor } }, signal })),
  );
  for await (const page of pages) {
    const recent = page.filter(({ issued_at }) => issued_at >= since);
    leases.push(...recent);
    if (recent.length < page.length) break;
    if (leases.length >= MAX_LEASES) return { clients: leasesByClient(leases), isCut: true };
  }
  return { clients: leasesByClient(leases), isCut: false };
}
