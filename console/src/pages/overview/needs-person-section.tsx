import { Anchor } from '@mantine/core';
import { Link } from 'wouter';
import { DataTable } from '../../components/data-table.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { Section } from '../../components/section.tsx';
import { StatusBadge } from '../../components/status-badge.tsx';
import { useLanguage } from '../../messages/use-messages.tsx';
import type { Overview } from './overview-figures.ts';

type Need = Overview['needs_person'][number];

/** What people must attend to, by reason; each reason links to its connections. */
export function NeedsPersonSection({ needs }: { needs: readonly Need[] }) {
  const { locale, messages } = useLanguage();
  const { overview: words } = messages;
  const format = new Intl.NumberFormat(locale);
  const hrefOf = ({ status, reason }: Need): string =>
    `/connections?status=${status}${reason === null ? '' : `&reason=${encodeURIComponent(reason)}`}`;
  return (
    <Section flush title={words.needsPerson}>
      <DataTable
        label={words.needsPerson}
        rows={needs}
        rowKey={({ status, reason }) => `${status} ${reason}`}
        columns={[
          {
            key: 'reason',
            title: words.reason,
            cell: (need) => (
              <Anchor component={Link} href={hrefOf(need)} size="sm">
                <span className="code-word">{need.reason ?? words.noReason}</span>
              </Anchor>
            ),
          },
          {
            key: 'status',
            title: words.status,
            secondary: true,
            cell: ({ status }) => <StatusBadge status={status} />,
          },
          { key: 'count', title: words.count, align: 'right', cell: ({ count }) => format.format(count) },
        ]}
        empty={<EmptyState icon="check" title={words.needsPersonNone} />}
      />
    </Section>
  );
}
