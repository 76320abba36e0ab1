import { Anchor, Button, Paper, Text } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'wouter';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { useLiveInterval } from '../../api/use-live-interval.ts';
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
import { NewSubscriptionDialog } from './new-subscription-dialog.tsx';
import { SubscriptionState } from './subscription-state.tsx';

type Subscription = Schemas['SubscriptionResponse'];

const PAGE_SIZE = 50;

export function SubscriptionsPage() {
  const messages = useMessages();
  const { subscriptions: words } = messages;
  const [isMaking, setIsMaking] = useState(false);
  const list = usePagedList(
    ['subscriptions', 'list'],
    (cursor, signal) =>
      unwrap(api.GET('/v1/subscriptions', { params: { query: { limit: PAGE_SIZE, cursor } }, signal })),
    { refetchInterval: useLiveInterval() },
  );
  return (
    <>
      <PageHeader title={words.title} description={words.description}>
        <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setIsMaking(true)}>
          {words.newSubscription}
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
          empty={
            list.error === null && <EmptyState icon="subscriptions" title={words.empty} detail={words.emptyDetail} />
          }
        />
        <Pager list={list} />
      </Paper>
      {isMaking && <NewSubscriptionDialog onClose={() => setIsMaking(false)} />}
    </>
  );
}

function columnsOf({ subscriptions: words, frame }: Messages): Column<Subscription>[] {
  return [
    {
      key: 'url',
      title: words.url,
      cell: ({ id, url }) => (
        <Anchor component={Link} href={`/subscriptions/${id}`} size="sm" fw={550} className="id-text">
          {url}
        </Anchor>
      ),
    },
    { key: 'state', title: words.state, cell: (subscription) => <SubscriptionState subscription={subscription} /> },
    {
      key: 'events',
      title: words.events,
      secondary: true,
      cell: ({ events, tenants }) => (
        <>
          <Text size="sm" lineClamp={1} title={events.join(', ')}>
            {events.join(', ')}
          </Text>
          <Text size="xs" c="dimmed">
            {tenants === null ? frame.session.allTenants : tenants.join(', ')}
          </Text>
        </>
      ),
    },
    {
      key: 'last',
      title: words.lastDelivered,
      secondary: true,
      cell: ({ last_delivered_at: at }) => <Time at={at} form="relative" otherwise={frame.time.never} />,
    },
  ];
}
