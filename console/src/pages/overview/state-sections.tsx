import { Badge, Group, Progress, Stack, Text } from '@mantine/core';
import { Facts } from '../../components/facts.tsx';
import { IdText } from '../../components/id-text.tsx';
import { Section } from '../../components/section.tsx';
import { Time } from '../../components/time.tsx';
import { fill } from '../../messages/messages.ts';
import { useLanguage, useMessages } from '../../messages/use-messages.tsx';
import { formatInstant } from '../../time-format.ts';
import type { Overview } from './overview-figures.ts';

type Present<K extends keyof Overview> = NonNullable<Overview[K]>;

const NEARLY_FULL_PERCENT = 75;

/** How much of each app's limits at Meta is used, and whether background work waits for them. */
export function AppsSection({ apps }: { apps: Present<'apps'> }) {
  const { overview: words } = useMessages();
  return (
    <Section title={words.apps} description={words.appsDetail}>
      <Stack gap="md">
        {apps.map((app) => (
          <div key={app.app_id}>
            <Group justify="space-between" mb={4}>
              <Group gap="xs">
                <Text size="sm">{app.name ?? <IdText id={app.app_id} />}</Text>
                {app.is_unavailable && <Badge color="red">{words.appUnavailable}</Badge>}
                {app.stopped_until !== null && (
                  <Badge color="yellow">
                    {words.appStopped} <Time at={app.stopped_until} form="relative" />
                  </Badge>
                )}
              </Group>
              <Text size="sm">{app.usage_percent} %</Text>
            </Group>
            <Progress
              value={app.usage_percent}
              color={app.usage_percent >= NEARLY_FULL_PERCENT ? 'yellow' : 'teal'}
              aria-label={`${app.name ?? app.app_id}: ${app.usage_percent} %`}
            />
          </div>
        ))}
      </Stack>
    </Section>
  );
}

export function SubscriptionsState({ subscriptions }: { subscriptions: Present<'subscriptions'> }) {
  const { overview: words } = useMessages();
  const { active, paused, failing, ended, undelivered, dead } = subscriptions;
  return (
    <Section title={words.subscriptions}>
      <Facts
        facts={[
          [words.active, <Count key="active" count={active} />],
          [words.failing, <Count key="failing" count={failing} isBad />],
          [words.paused, <Count key="paused" count={paused} />],
          [words.ended, <Count key="ended" count={ended} isBad />],
          [words.undelivered, <Count key="undelivered" count={undelivered} />],
          [words.dead, <Count key="dead" count={dead} isBad />],
        ]}
      />
    </Section>
  );
}

export function AuditState({ audit }: { audit: Present<'audit'> }) {
  const { locale, messages } = useLanguage();
  const { overview: words } = messages;
  const heldUp = audit.held_up_since;
  return (
    <Section title={words.audit}>
      <Facts
        facts={[
          [words.entries, <Count key="entries" count={audit.entries} />],
          [words.unlinked, <Count key="unlinked" count={audit.unlinked} />],
          [
            words.chain,
            <Badge key="chain" color={heldUp === null ? 'teal' : 'red'}>
              {heldUp === null
                ? words.chainWorks
                : fill(words.chainHeldUp, { time: formatInstant(new Date(heldUp), locale) })}
            </Badge>,
          ],
        ]}
      />
    </Section>
  );
}

export function KeysState({ keys }: { keys: Present<'keys'> }) {
  const { overview: words } = useMessages();
  return (
    <Section title={words.keys}>
      <Facts
        facts={[
          [words.activeKey, keys.active_id === null ? '–' : <IdText key="active" id={keys.active_id} />],
          [words.activeSince, <Time key="since" at={keys.active_since} form="date" />],
          [words.olderKeys, <Count key="older" count={keys.older_in_use} />],
          [words.oldestKey, <Time key="oldest" at={keys.oldest_in_use_since} form="date" />],
        ]}
      />
    </Section>
  );
}

function Count({ count, isBad = false }: { count: number; isBad?: boolean }) {
  const { locale } = useLanguage();
  const isFault = isBad && count > 0;
  return (
    <Text size="sm" fw={isFault ? 650 : undefined} c={isFault ? 'var(--mantine-color-error)' : undefined}>
      {new Intl.NumberFormat(locale).format(count)}
    </Text>
  );
}
