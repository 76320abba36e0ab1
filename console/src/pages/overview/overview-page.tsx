import { Center, Loader, SimpleGrid, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, unwrap } from '../../api/client.ts';
import { useLiveInterval } from '../../api/use-live-interval.ts';
import { EmptyState } from '../../components/empty-state.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Section } from '../../components/section.tsx';
import { Time } from '../../components/time.tsx';
import { useMessages } from '../../messages/use-messages.tsx';
import { ActivitySection } from './activity-section.tsx';
import { ExpiriesSection } from './expiries-section.tsx';
import { FigureCards } from './figure-cards.tsx';
import { NeedsPersonSection } from './needs-person-section.tsx';
import type { Overview } from './overview-figures.ts';
import { ProductsSection } from './products-section.tsx';
import { AppsSection, AuditState, KeysState, SubscriptionsState } from './state-sections.tsx';

/** The state of everything, live while the tab is visible. */
export function OverviewPage() {
  const { overview: words, frame } = useMessages();
  const { data, error, refetch } = useQuery({
    queryKey: ['overview'],
    queryFn: ({ signal }) => unwrap(api.GET('/v1/overview', { signal })),
    refetchInterval: useLiveInterval(),
  });
  return (
    <>
      <PageHeader
        title={words.title}
        description={
          data && (
            <>
              {words.asOf} <Time at={data.generated_at} />
            </>
          )
        }
      />
      <ProblemNotice error={error} onRetry={() => void refetch()} />
      {data === undefined && error === null && (
        <Center mih={240}>
          <Loader aria-label={frame.list.loading} />
        </Center>
      )}
      {data !== undefined && <Figures overview={data} />}
    </>
  );
}

function Figures({ overview }: { overview: Overview }) {
  const { overview: words } = useMessages();
  const now = new Date(overview.generated_at);
  const { connections, apps, audit, keys, subscriptions } = overview;
  return (
    <>
      <FigureCards overview={overview} now={now} />
      {connections.by.length === 0 ? (
        <Section title={words.byProduct}>
          <EmptyState icon="connections" title={words.empty} detail={words.emptyDetail} />
        </Section>
      ) : (
        <SimpleGrid cols={{ base: 1, lg: 2 }}>
          <ProductsSection groups={connections.by} />
          <NeedsPersonSection needs={overview.needs_person} />
        </SimpleGrid>
      )}
      <ExpiriesSection expiries={overview.expiries} now={now} />
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <ActivitySection title={words.renewals} activity={overview.renewals} now={now} />
        <ActivitySection title={words.inspections} activity={overview.inspections} now={now} />
      </SimpleGrid>
      {apps !== null && apps.length > 0 && <AppsSection apps={apps} />}
      <SimpleGrid cols={{ base: 1, md: 3 }}>
        {subscriptions !== null && <SubscriptionsState subscriptions={subscriptions} />}
        {audit !== null && <AuditState audit={audit} />}
        {keys !== null && <KeysState keys={keys} />}
      </SimpleGrid>
      <Text size="xs" c="dimmed">
        {words.countedAt} <Time at={connections.counted_at} />
      </Text>
    </>
  );
}
