import { Group, Text } from '@mantine/core';
import { Section } from '../../components/section.tsx';
import { fill } from '../../messages/messages.ts';
import { useLanguage } from '../../messages/use-messages.tsx';
import { formatDate } from '../../time-format.ts';
import { daysAround, fillDays, type Overview } from './overview-figures.ts';

const DAYS = 7;

/** What was done on each of the last 7 days, and how much of it failed. */
export function ActivitySection(props: { title: string; activity: Overview['renewals']; now: Date }) {
  const { locale, messages } = useLanguage();
  const { overview: words } = messages;
  const days = fillDays(daysAround(props.now, -DAYS), props.activity, { succeeded: 0, failed: 0 });
  const largest = Math.max(1, ...days.map(({ succeeded, failed }) => succeeded + failed));
  const number = new Intl.NumberFormat(locale);
  const sum = (of: 'succeeded' | 'failed') => number.format(days.reduce((all, day) => all + day[of], 0));
  const weekday = new Intl.DateTimeFormat(locale, { weekday: 'short', timeZone: 'UTC' });
  return (
    <Section
      title={props.title}
      description={words.lastWeek}
      actions={
        <Group gap="sm">
          <Figure health="healthy" text={`${words.succeeded}: ${sum('succeeded')}`} />
          <Figure health="invalid" text={`${words.failed}: ${sum('failed')}`} />
        </Group>
      }
    >
      {days.every(({ succeeded, failed }) => succeeded + failed === 0) ? (
        <Text size="sm" c="dimmed">
          {words.noActivity}
        </Text>
      ) : (
        <div
          className="columns"
          data-wide
          role="img"
          aria-label={`${words.succeeded}: ${sum('succeeded')}, ${words.failed}: ${sum('failed')}`}
        >
          {days.map((day) => {
            const values = { succeeded: number.format(day.succeeded), failed: number.format(day.failed) };
            const date = formatDate(new Date(day.date), locale, 'UTC');
            return (
              <div key={day.date} className="column" data-label title={fill(words.outcome, { date, ...values })}>
                <span
                  className="column-part"
                  data-health="invalid"
                  style={{ height: `${(100 * day.failed) / largest}%` }}
                />
                <span
                  className="column-part"
                  data-health="healthy"
                  style={{ height: `${(100 * day.succeeded) / largest}%` }}
                />
                <span>{weekday.format(new Date(day.date))}</span>
              </div>
            );
          })}
        </div>
      )}
    </Section>
  );
}

function Figure({ health, text }: { health: string; text: string }) {
  return (
    <Group gap={6}>
      <span className="legend-dot" data-health={health} />
      <Text size="xs" c="dimmed">
        {text}
      </Text>
    </Group>
  );
}
