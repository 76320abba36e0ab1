import { Group, Skeleton, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import type { Connection } from '../../components/connection-summary.ts';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Section } from '../../components/section.tsx';
import { fill } from '../../messages/messages.ts';
import { useLanguage, useMessages } from '../../messages/use-messages.tsx';
import { connectionKey } from './connection-query.ts';
import { LIFE_ACTIONS, lifeOf, type MarkKind, monthsOf, positionOf, windowAround } from './credential-life.ts';
import { CredentialTrack } from './credential-track.tsx';

const MAX_TRACKS = 8;
const ENTRIES_PER_ACTION = 200;
const LEGEND: readonly MarkKind[] = ['issued', 'renewed', 'rotated', 'inspected', 'failed', 'expires'];

/** When each token was issued, renewed, and inspected, when that failed, and when the token expires. */
export function TimelineSection({ connection }: { connection: Connection }) {
  const { timeline: words } = useMessages().connection;
  const { id, updated_at: updatedAt } = connection;
  const { data, error, isPending, refetch } = useQuery({
    queryKey: [...connectionKey(id), 'lives', updatedAt],
    queryFn: ({ signal }) => readLives(id, signal),
  });
  // The window moves with each read, not with each render.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `data` stands for the time of the last read
  const timeWindow = useMemo(() => windowAround(new Date()), [data]);
  const shown = connection.credentials.slice(0, MAX_TRACKS);
  const further = connection.credentials_count - shown.length;
  if (shown.length === 0)
    return (
      <Section title={words.title}>
        <Text size="sm" c="dimmed">
          {words.none}
        </Text>
      </Section>
    );
  return (
    <Section title={words.title} description={words.description} actions={<Legend />}>
      <ProblemNotice error={error} onRetry={() => void refetch()} />
      {isPending ? (
        <Skeleton height={60} />
      ) : (
        <Stack gap={0} className="timeline">
          <Axis window={timeWindow} />
          {shown.map((credential) => (
            <CredentialTrack
              key={credential.id}
              credential={credential}
              life={lifeOf(credential, data ?? [], timeWindow)}
              now={positionOf(new Date(), timeWindow)}
            />
          ))}
        </Stack>
      )}
      {further > 0 && (
        <Text size="xs" c="dimmed">
          {fill(words.more, { count: further })}
        </Text>
      )}
    </Section>
  );
}

/** Reads the audit entries about the lives of a connection's tokens, without the far more numerous ones of leases. */
async function readLives(connectionId: string, signal: AbortSignal): Promise<Schemas['AuditEntryResponse'][]> {
  const from = windowAround(new Date()).from.toISOString();
  const pages = await Promise.all(
    Object.keys(LIFE_ACTIONS).map((action) => {
      const query = { connection_id: connectionId, action, from, limit: ENTRIES_PER_ACTION };
      return unwrap(api.GET('/v1/audit', { params: { query }, signal }));
    }),
  );
  return pages.flatMap(({ data }) => data);
}

function Legend() {
  const { timeline: words } = useMessages().connection;
  return (
    <Group gap="sm" aria-hidden>
      {LEGEND.map((kind) => (
        <Group key={kind} gap={6}>
          <span className="timeline-mark" data-kind={kind} />
          <Text size="xs" c="dimmed">
            {words[kind]}
          </Text>
        </Group>
      ))}
    </Group>
  );
}

function Axis({ window }: { window: ReturnType<typeof windowAround> }) {
  const { locale, messages } = useLanguage();
  const format = new Intl.DateTimeFormat(locale, { month: 'short' });
  const now = positionOf(new Date(), window);
  return (
    <div className="timeline-row" aria-hidden>
      <span />
      <div className="timeline-axis">
        {monthsOf(window)
          .map((month) => ({ month, position: positionOf(month, window) }))
          .filter(({ position }) => Math.abs(position - now) > 9 && position < 96)
          .map(({ month, position }) => (
            <span key={month.getTime()} style={{ left: `${position}%` }}>
              {format.format(month)}
            </span>
          ))}
        <span data-now style={{ left: `${now}%` }}>
          {messages.connection.timeline.now}
        </span>
      </div>
      <span />
    </div>
  );
}
