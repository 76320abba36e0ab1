import { Text } from '@mantine/core';
import { Link } from 'wouter';
import { Section } from '../../components/section.tsx';
import { fill } from '../../messages/messages.ts';
import { useLanguage } from '../../messages/use-messages.tsx';
import { formatDate } from '../../time-format.ts';
import { daysAround, endOfDay, fillDays, type Overview } from './overview-figures.ts';

const DAYS = 60;
const LABELED_EVERY = 10;

/** One bar for each of the next 60 days, as high as the number of ends on that day. */
export function ExpiriesSection({ expiries, now }: { expiries: Overview['expiries']; now: Date }) {
  const { locale, messages } = useLanguage();
  const { overview: words } = messages;
  const days = fillDays(daysAround(now, DAYS), expiries, { count: 0 });
  const largest = Math.max(1, ...days.map(({ count }) => count));
  const total = days.reduce((sum, { count }) => sum + count, 0);
  const number = new Intl.NumberFormat(locale);
  const label = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric', timeZone: 'UTC' });
  const textOf = ({ date, count }: { date: string; count: number }): string =>
    fill(words.day, { date: formatDate(new Date(date), locale, 'UTC'), count: number.format(count) });
  return (
    <Section
      title={words.expiries}
      description={words.expiriesDetail}
      actions={
        <Text size="sm" c="dimmed">
          {fill(words.inAll, { count: number.format(total) })}
        </Text>
      }
    >
      {total === 0 ? (
        <Text size="sm" c="dimmed">
          {words.expiriesNone}
        </Text>
      ) : (
        <div className="columns">
          {days.map((day, index) => (
            <div key={day.date} className="column" data-label={index % LABELED_EVERY === 0 || undefined}>
              {/* Days without ends are not tab stops. */}
              <Link
                href={`/connections?status=active&expires_before=${encodeURIComponent(endOfDay(day.date))}`}
                className="column-bar"
                data-soon={index < 7 || undefined}
                tabIndex={day.count === 0 ? -1 : 0}
                aria-hidden={day.count === 0 || undefined}
                aria-label={textOf(day)}
                title={textOf(day)}
                style={{ height: `${(100 * day.count) / largest}%` }}
              />
              {index % LABELED_EVERY === 0 && <span aria-hidden>{label.format(new Date(day.date))}</span>}
            </div>
          ))}
        </div>
      )}
    </Section>
  );
}
