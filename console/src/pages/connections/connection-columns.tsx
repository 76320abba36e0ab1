import { Anchor, Checkbox, Text } from '@mantine/core';
import { Link } from 'wouter';
import { accountName, type Connection, earliestEnd, worstHealth } from '../../components/connection-summary.ts';
import type { Column } from '../../components/data-table.tsx';
import { HealthBadge, StatusBadge } from '../../components/status-badge.tsx';
import { Time } from '../../components/time.tsx';
import type { Messages } from '../../messages/messages.ts';
import { fill } from '../../messages/messages.ts';
import type { Selection } from './use-selection.ts';

/** The columns of the list; `selection` is null for users who may not change anything. */
export function connectionColumns(
  { connections: { columns: words }, frame, terms }: Messages,
  selection: Selection | null,
  rows: readonly Connection[],
): Column<Connection>[] {
  return [
    ...(selection === null ? [] : [selectionColumn(words, selection, rows)]),
    {
      key: 'account',
      title: words.account,
      cell: (connection) => (
        <>
          <Anchor component={Link} href={`/connections/${connection.id}`} size="sm" fw={550} lineClamp={1}>
            {accountName(connection)}
          </Anchor>
          <Text size="xs" c="dimmed" className="id-text" lineClamp={1} maw={{ base: 120, sm: 'none' }}>
            {connection.reference ?? connection.id}
          </Text>
        </>
      ),
    },
    { key: 'tenant', title: words.tenant, secondary: true, cell: ({ tenant }) => <Text size="sm">{tenant}</Text> },
    { key: 'product', title: words.product, secondary: true, cell: ({ product }) => terms.products[product] },
    { key: 'state', title: words.state, cell: ({ status }) => <StatusBadge status={status} /> },
    {
      key: 'health',
      title: words.health,
      secondary: true,
      cell: (connection) => {
        const health = worstHealth(connection);
        return health === null || connection.status === 'revoked' ? frame.time.none : <HealthBadge health={health} />;
      },
    },
    {
      key: 'ends',
      title: words.expires,
      secondary: true,
      cell: (connection) =>
        connection.status === 'revoked' ? (
          frame.time.none
        ) : (
          <Time at={earliestEnd(connection)} form="relative" otherwise={frame.time.never} />
        ),
    },
    {
      key: 'updated',
      title: words.updated,
      secondary: true,
      cell: ({ updated_at }) => <Time at={updated_at} form="relative" />,
    },
  ];
}

function selectionColumn(
  words: Messages['connections']['columns'],
  selection: Selection,
  rows: readonly Connection[],
): Column<Connection> {
  const chosen = rows.filter(({ id }) => selection.has(id)).length;
  return {
    key: 'select',
    title: (
      <Checkbox
        size="xs"
        aria-label={words.selectAll}
        checked={chosen > 0 && chosen === rows.length}
        indeterminate={chosen > 0 && chosen < rows.length}
        onChange={(event) => selection.set(rows, event.currentTarget.checked)}
      />
    ),
    cell: (connection) => (
      <Checkbox
        size="xs"
        aria-label={fill(words.select, { id: connection.id })}
        checked={selection.has(connection.id)}
        onChange={(event) => selection.set([connection], event.currentTarget.checked)}
      />
    ),
  };
}
