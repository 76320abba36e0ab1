import { Button, Group, Text } from '@mantine/core';
import type { PagedList } from '../api/use-paged-list.ts';
import { fill } from '../messages/messages.ts';
import { useMessages } from '../messages/use-messages.tsx';

/** Navigates between the pages of a list; not shown if there is only one. */
export function Pager({ list }: { list: PagedList<unknown> }) {
  const { list: words } = useMessages().frame;
  const { toFirst, toPrevious, toNext, rows } = list;
  if (toFirst === null && toNext === null) return null;
  return (
    <Group justify="space-between" p="sm" gap="xs">
      <Text size="xs" c="dimmed" visibleFrom="xs">
        {fill(words.rows, { count: rows.length })}
      </Text>
      <Group gap="xs">
        <Button size="xs" variant="default" disabled={toFirst === null} onClick={toFirst ?? undefined}>
          {words.first}
        </Button>
        <Button size="xs" variant="default" disabled={toPrevious === null} onClick={toPrevious ?? undefined}>
          {words.previous}
        </Button>
        <Button size="xs" variant="default" disabled={toNext === null} onClick={toNext ?? undefined}>
          {words.next}
        </Button>
      </Group>
    </Group>
  );
}
