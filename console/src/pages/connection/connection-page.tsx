import { Anchor, Badge, Center, Group, Loader, SimpleGrid, Stack, Text } from '@mantine/core';
import { Link, useParams } from 'wouter';
import { accountName } from '../../components/connection-summary.ts';
import { Icon } from '../../components/icon.tsx';
import { IdText } from '../../components/id-text.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { StatusBadge } from '../../components/status-badge.tsx';
import { useMessages } from '../../messages/use-messages.tsx';
import { useSession } from '../../session/use-session.ts';
import { AssetsSection } from './assets-section.tsx';
import { AuditSection } from './audit-section.tsx';
import { ConnectionActions } from './connection-actions.tsx';
import { useConnection } from './connection-query.ts';
import { FactsSection } from './facts-section.tsx';
import { LeasesSection } from './leases-section.tsx';
import { ReasonNotice } from './reason-notice.tsx';
import { TimelineSection } from './timeline-section.tsx';

export function ConnectionPage() {
  const { connection: words, pages, terms, frame } = useMessages();
  const { id = '' } = useParams<{ id: string }>();
  const { role } = useSession();
  const { data: connection, error, refetch } = useConnection(id);
  const back = (
    <Anchor component={Link} href="/connections" size="sm">
      <Group gap={4} component="span" display="inline-flex">
        <Icon name="back" size={14} />
        {words.back}
      </Group>
    </Anchor>
  );
  if (connection === undefined)
    return (
      <Stack>
        {back}
        <PageHeader title={pages.connection} description={<IdText id={id} />} />
        {error === null ? (
          <Center mih={200}>
            <Loader aria-label={frame.list.loading} />
          </Center>
        ) : (
          <ProblemNotice error={error} onRetry={() => void refetch()} />
        )}
      </Stack>
    );
  return (
    <Stack>
      {back}
      <PageHeader title={accountName(connection)} description={<IdText id={connection.id} />}>
        <ConnectionActions key={connection.id} connection={connection} />
      </PageHeader>
      <Group gap="xs">
        <StatusBadge status={connection.status} />
        <Badge variant="default">{terms.products[connection.product]}</Badge>
        <Text size="sm" c="dimmed">
          {connection.tenant}
        </Text>
      </Group>
      <ProblemNotice error={error} onRetry={() => void refetch()} />
      <ReasonNotice connection={connection} />
      <TimelineSection connection={connection} />
      <SimpleGrid cols={{ base: 1, lg: 2 }} style={{ alignItems: 'start' }}>
        <AssetsSection connection={connection} />
        <Stack>
          <FactsSection connection={connection} />
          {role !== 'tenant_admin' && <LeasesSection connection={connection} />}
        </Stack>
      </SimpleGrid>
      <AuditSection connection={connection} />
    </Stack>
  );
}
