import { Button, Group } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { api, unwrap } from '../../api/client.ts';
import { AuditEntries } from '../../components/audit-entries.tsx';
import type { Connection } from '../../components/connection-summary.ts';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Section } from '../../components/section.tsx';
import { useMessages } from '../../messages/use-messages.tsx';
import { connectionKey } from './connection-query.ts';

const PAGE_SIZE = 20;

/** The connection's entries in the audit record, newest first. */
export function AuditSection({ connection }: { connection: Connection }) {
  const { connection: page, frame } = useMessages();
  const list = useInfiniteQuery({
    queryKey: [...connectionKey(connection.id), 'audit'],
    queryFn: ({ pageParam, signal }) => {
      const query = { connection_id: connection.id, limit: PAGE_SIZE, cursor: pageParam };
      return unwrap(api.GET('/v1/audit', { params: { query }, signal }));
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  });
  return (
    <Section flush title={page.audit}>
      <ProblemNotice error={list.error} onRetry={() => void list.refetch()} />
      <AuditEntries
        label={page.audit}
        entries={list.data?.pages.flatMap(({ data }) => data) ?? []}
        isLoading={list.isPending}
      />
      {list.hasNextPage && (
        <Group justify="center" p="xs">
          <Button
            size="xs"
            variant="subtle"
            loading={list.isFetchingNextPage}
            onClick={() => void list.fetchNextPage()}
          >
            {frame.list.more}
          </Button>
        </Group>
      )}
    </Section>
  );
}
