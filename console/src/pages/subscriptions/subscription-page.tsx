import { Anchor, Badge, Button, Center, Group, Loader, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useParams } from 'wouter';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { useAddressFilters } from '../../api/use-address-filters.ts';
import { useLiveInterval } from '../../api/use-live-interval.ts';
import { usePagedList } from '../../api/use-paged-list.ts';
import { DataTable } from '../../components/data-table.tsx';
import { Facts } from '../../components/facts.tsx';
import { SelectFilterField } from '../../components/filter-fields.tsx';
import { Icon } from '../../components/icon.tsx';
import { IdText } from '../../components/id-text.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { Pager } from '../../components/pager.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Section } from '../../components/section.tsx';
import { Time } from '../../components/time.tsx';
import { useMessages } from '../../messages/use-messages.tsx';
import { answerOf, DeliveryDialog } from './delivery-dialog.tsx';
import { SubscriptionActions } from './subscription-actions.tsx';
import { SubscriptionState } from './subscription-state.tsx';

type Subscription = Schemas['SubscriptionResponse'];
type Delivery = Schemas['DeliveryResponse'];

const STATUSES = ['pending', 'delivered', 'dead'] as const;
const COLORS = { pending: 'yellow', delivered: 'teal', dead: 'red' } as const;
const PAGE_SIZE = 50;

export function SubscriptionPage() {
  const { subscriptions: words, frame } = useMessages();
  const { id = '' } = useParams<{ id: string }>();
  const { data, error, refetch } = useQuery({
    queryKey: ['subscriptions', id],
    queryFn: ({ signal }) => unwrap(api.GET('/v1/subscriptions/{id}', { params: { path: { id } }, signal })),
    refetchInterval: useLiveInterval(),
  });
  return (
    <Stack>
      <Anchor component={Link} href="/subscriptions" size="sm">
        <Group gap={4} component="span" display="inline-flex">
          <Icon name="back" size={14} />
          {words.title}
        </Group>
      </Anchor>
      <PageHeader title={data === undefined ? words.one : new URL(data.url).host} description={<IdText id={id} />}>
        {data !== undefined && <SubscriptionActions subscription={data} />}
      </PageHeader>
      <ProblemNotice error={error} onRetry={() => void refetch()} />
      {data === undefined && error === null && (
        <Center mih={200}>
          <Loader aria-label={frame.list.loading} />
        </Center>
      )}
      {data !== undefined && (
        <>
          <About subscription={data} />
          <Deliveries id={id} />
        </>
      )}
    </Stack>
  );
}

function About({ subscription }: { subscription: Subscription }) {
  const { subscriptions: words, frame } = useMessages();
  const { url, events, tenants, failing_since: failing, last_delivered_at: last } = subscription;
  return (
    <Section title={words.about}>
      <Facts
        facts={[
          [words.state, <SubscriptionState key="state" subscription={subscription} />],
          [words.url, <IdText key="url" id={url} />],
          [words.events, events.join(', ')],
          [words.tenants, tenants === null ? frame.session.allTenants : tenants.join(', ')],
          [words.lastDelivered, <Time key="last" at={last} otherwise={frame.time.never} />],
          [words.failingSince, failing && <Time key="failing" at={failing} />],
        ]}
      />
    </Section>
  );
}

function Deliveries({ id }: { id: string }) {
  const { subscriptions: words, frame } = useMessages();
  const filters = useAddressFilters(['status']);
  const status = STATUSES.find((each) => each === filters.get('status'));
  const [shown, setShown] = useState<Delivery | null>(null);
  const list = usePagedList(
    ['subscriptions', id, 'deliveries', status],
    (cursor, signal) =>
      unwrap(
        api.GET('/v1/subscriptions/{id}/deliveries', {
          params: { path: { id }, query: { status, limit: PAGE_SIZE, cursor } },
          signal,
        }),
      ),
    { refetchInterval: useLiveInterval() },
  );
  return (
    <Section
      flush
      title={words.deliveries}
      actions={
        <SelectFilterField
          label={words.state}
          value={status ?? ''}
          options={[
            { value: '', label: words.anyState },
            ...STATUSES.map((value) => ({ value, label: words.deliveryStates[value] })),
          ]}
          onChange={(value) => filters.set('status', value)}
        />
      }
    >
      <ProblemNotice error={list.error} onRetry={list.refetch} />
      <DataTable
        label={words.deliveries}
        columns={[
          {
            key: 'type',
            title: words.event,
            cell: (delivery) => (
              <Button variant="transparent" size="compact-sm" px={0} onClick={() => setShown(delivery)}>
                {delivery.type}
              </Button>
            ),
          },
          {
            key: 'status',
            title: words.state,
            cell: (delivery) => <Badge color={COLORS[delivery.status]}>{words.deliveryStates[delivery.status]}</Badge>,
          },
          { key: 'answer', title: words.answer, cell: (delivery) => answerOf(delivery) ?? frame.time.none },
          { key: 'attempts', title: words.attempts, secondary: true, align: 'right', cell: ({ attempts }) => attempts },
          { key: 'made', title: words.made, secondary: true, cell: ({ created_at: at }) => <Time at={at} /> },
        ]}
        rows={list.rows}
        rowKey={({ id: rowId }) => rowId}
        isLoading={list.isLoading}
        empty={
          <Text size="sm" c="dimmed" px="md" pb="md">
            {words.noDeliveries}
          </Text>
        }
      />
      <Pager list={list} />
      {shown !== null && <DeliveryDialog delivery={shown} onClose={() => setShown(null)} />}
    </Section>
  );
}
