import { Badge, Button, Group, Paper, Progress, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { useChange } from '../../api/use-change.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { DataTable } from '../../components/data-table.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { IdText } from '../../components/id-text.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Section } from '../../components/section.tsx';
import { Time } from '../../components/time.tsx';
import { fill } from '../../messages/messages.ts';
import { useLanguage, useMessages } from '../../messages/use-messages.tsx';
import { useCanChange } from '../../session/use-session.ts';

type Key = Schemas['KeyResponse'];
type Rewrap = Schemas['RewrapProgressResponse'];

const MAX_KEYS = 200;
const COLORS = { active: 'teal', decrypt_only: 'yellow', retired: 'gray' } as const;
const PROGRESS_MS = 1_000;
const REST_MS = 15_000;

/** The key ring: which key wraps what, and how it is replaced. */
export function KeysPage() {
  const { keys: words } = useMessages();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['keys'],
    queryFn: ({ signal }) => unwrap(api.GET('/v1/keys', { params: { query: { limit: MAX_KEYS } }, signal })),
    refetchInterval: (query) => (query.state.data?.rewrap.state === 'running' ? PROGRESS_MS : REST_MS),
  });
  const canChange = useCanChange();
  return (
    <>
      <PageHeader title={words.title} description={words.description}>
        {canChange && <RotateKey />}
      </PageHeader>
      <ProblemNotice error={error} onRetry={() => void refetch()} />
      {data !== undefined && <RewrapSection rewrap={data.rewrap} keys={data.data} />}
      <Paper style={{ overflow: 'hidden' }}>
        <KeyTable keys={data?.data ?? []} isLoading={isPending} hasFailed={error !== null} />
      </Paper>
    </>
  );
}

function KeyTable(props: { keys: readonly Key[]; isLoading: boolean; hasFailed: boolean }) {
  const { locale, messages } = useLanguage();
  const { keys: words } = messages;
  const canChange = useCanChange();
  const [retiring, setRetiring] = useState<Key | null>(null);
  return (
    <>
      <DataTable
        label={words.title}
        columns={[
          {
            key: 'id',
            title: words.key,
            cell: ({ id, state }) => (
              <>
                <IdText id={id} />
                <Text size="xs" hiddenFrom="sm">
                  {words.states[state]}
                </Text>
              </>
            ),
          },
          {
            key: 'state',
            title: words.state,
            secondary: true,
            cell: ({ state }) => <Badge color={COLORS[state]}>{words.states[state]}</Badge>,
          },
          {
            key: 'count',
            title: words.dataKeys,
            align: 'right',
            cell: ({ data_keys: count }) => count.toLocaleString(locale),
          },
          { key: 'made', title: words.made, secondary: true, cell: ({ created_at: at }) => <Time at={at} /> },
          { key: 'retired', title: words.retiredAt, secondary: true, cell: ({ retired_at: at }) => <Time at={at} /> },
          {
            key: 'retire',
            title: '',
            align: 'right',
            cell: (key) =>
              canChange &&
              key.state === 'decrypt_only' && (
                <Button
                  size="compact-xs"
                  variant="light"
                  color="red"
                  disabled={key.data_keys > 0}
                  title={key.data_keys > 0 ? words.stillInUse : undefined}
                  onClick={() => setRetiring(key)}
                >
                  {words.retire}
                </Button>
              ),
          },
        ]}
        rows={[...props.keys].reverse()}
        rowKey={({ id }) => id}
        isLoading={props.isLoading}
        empty={!props.hasFailed && <EmptyState icon="keys" title={words.empty} />}
      />
      {retiring !== null && <RetireDialog id={retiring.id} onClose={() => setRetiring(null)} />}
    </>
  );
}

function RotateKey() {
  const { keys: words } = useMessages();
  const [isAsking, setIsAsking] = useState(false);
  const rotate = useChange(() => unwrap(api.POST('/v1/keys/rotate')), {
    changes: [['keys']],
    done: ({ id }) => fill(words.rotated, { id }),
  });
  return (
    <>
      <Button onClick={() => setIsAsking(true)}>{words.rotate}</Button>
      <ConfirmDialog
        opened={isAsking}
        title={words.rotateTitle}
        confirm={words.rotate}
        isPending={rotate.isPending}
        error={rotate.error}
        onConfirm={() => rotate.mutate(undefined, { onSuccess: () => setIsAsking(false) })}
        onClose={() => setIsAsking(false)}
      >
        <Text size="sm">{words.rotatePreview}</Text>
      </ConfirmDialog>
    </>
  );
}

function RewrapSection({ rewrap, keys }: { rewrap: Rewrap; keys: readonly Key[] }) {
  const { locale, messages } = useLanguage();
  const { keys: words } = messages;
  const canChange = useCanChange();
  const left = keys.filter(({ state }) => state === 'decrypt_only').reduce((sum, key) => sum + key.data_keys, 0);
  const start = useChange(() => unwrap(api.POST('/v1/keys/rewrap')), { changes: [['keys']] });
  const isRunning = rewrap.state === 'running';
  const share = rewrap.total === 0 ? 100 : Math.min(100, (rewrap.rewrapped / rewrap.total) * 100);
  const number = (count: number): string => count.toLocaleString(locale);
  return (
    <Section
      title={words.rewrap}
      description={words.rewrapDetail}
      actions={
        canChange && (
          <Button
            size="xs"
            variant="default"
            disabled={left === 0 || isRunning}
            loading={start.isPending}
            onClick={() => start.mutate(undefined)}
          >
            {words.startRewrap}
          </Button>
        )
      }
    >
      <ProblemNotice error={start.error} />
      <Stack gap={6}>
        {isRunning && <Progress value={share} animated aria-label={words.rewrap} />}
        <Group gap="md">
          <Text size="sm">{words.rewrapStates[rewrap.state]}</Text>
          {rewrap.total > 0 && (
            <Text size="sm" c="dimmed" aria-live="polite">
              {fill(words.progress, { done: number(rewrap.rewrapped), all: number(rewrap.total) })}
            </Text>
          )}
          {rewrap.unopenable > 0 && (
            <Text size="sm" c="var(--mantine-color-error)">
              {fill(words.unopenable, { count: number(rewrap.unopenable) })}
            </Text>
          )}
        </Group>
      </Stack>
    </Section>
  );
}

function RetireDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { keys: words } = useMessages();
  const retire = useChange(() => unwrap(api.DELETE('/v1/keys/{id}', { params: { path: { id } } })), {
    changes: [['keys']],
    done: () => fill(words.retired, { id }),
  });
  return (
    <ConfirmDialog
      opened
      title={words.retireTitle}
      confirm={words.retire}
      word={words.retireWord}
      danger
      isPending={retire.isPending}
      error={retire.error}
      onConfirm={() => retire.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      <Text size="sm">{words.retirePreview}</Text>
      <IdText id={id} />
    </ConfirmDialog>
  );
}
