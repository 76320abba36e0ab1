import { Paper, SimpleGrid, Text } from '@mantine/core';
import { Link } from 'wouter';
import { useLanguage } from '../../messages/use-messages.tsx';
import { countOf, daysAround, endOfDay, type Overview } from './overview-figures.ts';

const SOON_DAYS = 7;

/** The figures that show at a glance whether all is well; each links to its connections. */
export function FigureCards({ overview, now }: { overview: Overview; now: Date }) {
  const { messages } = useLanguage();
  const { overview: words } = messages;
  const { by, total } = overview.connections;
  const soon = daysAround(now, SOON_DAYS);
  const ending = overview.expiries.filter(({ date }) => soon.includes(date)).reduce((sum, { count }) => sum + count, 0);
  const needing = overview.needs_person.reduce((sum, { count }) => sum + count, 0);
  const healthy = countOf(by, ({ status, health }) => status === 'active' && health === 'healthy');
  const until = endOfDay(soon.at(-1) ?? '');
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }}>
      <FigureCard label={words.total} value={total} href="/connections" />
      <FigureCard label={words.healthy} value={healthy} href="/connections?status=active&health=healthy" />
      <FigureCard
        label={words.attention}
        value={needing}
        href="/connections?status=reauth_required"
        color={needing > 0 ? 'bad' : undefined}
      />
      <FigureCard
        label={words.endingSoon}
        value={ending}
        href={`/connections?status=active&expires_before=${encodeURIComponent(until)}`}
        color={ending > 0 ? 'warn' : undefined}
      />
    </SimpleGrid>
  );
}

function FigureCard(props: { label: string; value: number; href: string; color?: 'bad' | 'warn' }) {
  const { locale } = useLanguage();
  return (
    <Link href={props.href} className="figure-link">
      <Paper p="md" className="figure-card" data-color={props.color}>
        <Text size="sm" c="dimmed">
          {props.label}
        </Text>
        <Text fz={28} fw={650} lh={1.25}>
          {new Intl.NumberFormat(locale).format(props.value)}
        </Text>
      </Paper>
    </Link>
  );
}
