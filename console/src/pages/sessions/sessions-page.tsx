import { Badge, Button, Paper, Text } from '@mantine/core';
import { useState } from 'react';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { useChange } from '../../api/use-change.ts';
import { usePagedList } from '../../api/use-paged-list.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { DataTable } from '../../components/data-table.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { Pager } from '../../components/pager.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Time } from '../../components/time.tsx';
import { fill } from '../../messages/messages.ts';
import { useMessages } from '../../messages/use-messages.tsx';
import { useCanChange, useSession } from '../../session/use-session.ts';

type Session = Schemas['ConsoleSessionResponse'];

const PAGE_SIZE = 50;

/** Who is signed in: the user's own sessions and, for admins, everyone's. */
export function SessionsPage() {
  const { sessions: words, frame } = useMessages();
  const own = useSession();
  const canSeeAll = useCanChange();
  const [ending, setEnding] = useState<Session | null>(null);
  const list = usePagedList(['sessions'], (cursor, signal) =>
    unwrap(api.GET('/v1/console/sessions', { params: { query: { limit: PAGE_SIZE, cursor } }, signal })),
  );
  return (
    <>
      <PageHeader title={words.title} description={canSeeAll ? words.description : words.ownDescription} />
      <ProblemNotice error={list.error} onRetry={list.refetch} />
      <Paper style={{ overflow: 'hidden' }}>
        <DataTable
          label={words.title}
          columns={[
            {
              key: 'name',
              title: words.name,
              cell: ({ id, name, role }) => (
                <>
                  <Text size="sm">{name}</Text>
                  <Text size="xs" c="dimmed">
                    {frame.session.roles[role]}
                    {id === own.id && ` · ${words.thisOne}`}
                  </Text>
                </>
              ),
            },
            {
              key: 'method',
              title: words.method,
              cell: ({ method }) => <Badge variant="default">{words.methods[method]}</Badge>,
            },
            { key: 'since', title: words.since, secondary: true, cell: ({ signed_in_at: at }) => <Time at={at} /> },
            { key: 'ends', title: words.ends, secondary: true, cell: ({ expires_at: at }) => <Time at={at} /> },
            {
              key: 'end',
              title: '',
              align: 'right',
              cell: (session) =>
                session.id !== own.id && (
                  <Button size="compact-xs" variant="light" color="red" onClick={() => setEnding(session)}>
                    {words.end}
                  </Button>
                ),
            },
          ]}
          rows={list.rows}
          rowKey={({ id }) => id}
          isLoading={list.isLoading}
          isSelected={({ id }) => id === own.id}
          empty={list.error === null && <EmptyState icon="sessions" title={words.empty} />}
        />
        <Pager list={list} />
      </Paper>
      {ending !== null && <EndSessionDialog session={ending} onClose={() => setEnding(null)} />}
    </>
  );
}

function EndSessionDialog({ session, onClose }: { session: Session; onClose: () => void }) {
  const { sessions: words } = useMessages();
  const end = useChange(
    () => unwrap(api.DELETE('/v1/console/sessions/{id}', { params: { path: { id: session.id } } })),
    { changes: [['sessions']], done: () => words.ended },
  );
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
      <Text size="sm">{fill(words.endPreview, { name: session.name })}</Text>
    </ConfirmDialog>
  );
}
