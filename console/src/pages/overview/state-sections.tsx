import { Badge, Group, Progress, Stack, Text } from '@mantine/core';
import { Fact, FactList } from '../../components/fact-list.tsx';
import { IdText } from '../../components/id-text.tsx';
import { Section } from '../../components/section.tsx';
import { Time } from '../../components/time.tsx';
import { fill } from '../../messages/messages.ts';
import { useLanguage, useMessages } from '../../messages/use-messages.tsx';
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
      <FactList>
        <Count term={words.active} count={active} />
        <Count term={words.failing} count={failing} isBad />
        <Count term={words.paused} count={paused} />
        <Count term={words.ended} count={ended} isBad />
        <Count term={words.undelivered} count={undelivered} />
        <Count term={words.dead} count={dead} isBad />
      </FactList>
    </Section>
  );
}

export function AuditState({ audit }: { audit: Present<'audit'> }) {
  const { locale, messages } = useLanguage();
  const { overview: words } = messages;
  return (
    <Section title={words.audit}>
      <FactList>
        <Count term={words.entries} count={audit.entries} />
        <Count term={words.unlinked} count={audit.unlinked} />
        <Fact term={words.chain}>
          {audit.held_up_since === null ? (
            <Badge color="teal">{words.chainWorks}</Badge>
          ) : (
            <Badge color="red">
              {fill(words.chainHeldUp, { time: new Date(audit.held_up_since).toLocaleString(locale) })}
            </Badge>
          )}
        </Fact>
      </FactList>
    </Section>
  );
}

export function KeysState({ keys }: { keys: Present<'keys'> }) {
  const { overview: words } = useMessages();
  return (
    <Section title={words.keys}>
      <FactList>
        <Fact term={words.activeKey}>{keys.active_id === null ? '–' : <IdText id={keys.active_id} />}</Fact>
        <Fact term={words.activeSince}>
          <Time at={keys.active_since} form="date" />
        </Fact>
        <Count term={words.olderKeys} count={keys.older_in_use} />
        <Fact term={words.oldestKey}>
          <Time at={keys.oldest_in_use_since} form="date" />
        </Fact>
      </FactList>
    </Section>
  );
}

function Count({ term, count, isBad = false }: { term: string; count: number; isBad?: boolean }) {
  const { locale } = useLanguage();
  const isFault = isBad && count > 0;
  return (
    <Fact term={term}>
      <Text size="sm" fw={isFault ? 650 : undefined} c={isFault ? 'var(--mantine-color-error)' : undefined}>
        {new Intl.NumberFormat(locale).format(count)}
      </Text>
    </Fact>
  );
}
