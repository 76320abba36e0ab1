import { Group, Stack, Text } from '@mantine/core';
import { Link } from 'wouter';
import { HEALTHS } from '../../components/connection-summary.ts';
import { Section } from '../../components/section.tsx';
import { useLanguage } from '../../messages/use-messages.tsx';
import { PRODUCTS } from '../connections/connection-filter.ts';
import { countOf, type Group as Groups } from './overview-figures.ts';

/** For each product, the number of connections by state; each part links to its connections. */
export function ProductsSection({ groups }: { groups: readonly Groups[] }) {
  const { locale, messages } = useLanguage();
  const { overview: words, terms } = messages;
  const standing = groups.filter(({ status }) => status !== 'revoked');
  const largest = Math.max(1, ...PRODUCTS.map((product) => countOf(standing, (each) => each.product === product)));
  const format = new Intl.NumberFormat(locale);
  return (
    <Section title={words.byProduct} actions={<HealthLegend />}>
      <Stack gap="sm">
        {PRODUCTS.map((product) => {
          const count = countOf(standing, (each) => each.product === product);
          return (
            <div key={product}>
              <Group justify="space-between" mb={4}>
                <Text size="sm">{terms.products[product]}</Text>
                <Text size="sm" c={count === 0 ? 'dimmed' : undefined}>
                  {format.format(count)}
                </Text>
              </Group>
              <div className="bar-track">
                {[...HEALTHS].reverse().map((health) => {
                  const part = countOf(standing, (each) => each.product === product && each.health === health);
                  return part === 0 ? null : (
                    <Link
                      key={health}
                      href={`/connections?product=${product}&health=${health}`}
                      className="bar-part"
                      data-health={health}
                      style={{ width: `${(100 * part) / largest}%` }}
                      aria-label={`${terms.products[product]}, ${terms.healths[health]}: ${format.format(part)}`}
                      title={`${terms.healths[health]}: ${format.format(part)}`}
                    />
                  );
                })}
              </div>
            </div>
          );
        })}
      </Stack>
    </Section>
  );
}

function HealthLegend() {
  const { terms } = useLanguage().messages;
  return (
    <Group gap="sm" aria-hidden>
      {[...HEALTHS].reverse().map((health) => (
        <Group key={health} gap={6}>
          <span className="legend-dot" data-health={health} />
          <Text size="xs" c="dimmed">
            {terms.healths[health]}
          </Text>
        </Group>
      ))}
    </Group>
  );
}
