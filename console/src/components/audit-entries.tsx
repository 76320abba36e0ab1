import { Box, Text } from '@mantine/core';
import type { Schemas } from '../api/client.ts';
import { useMessages } from '../messages/use-messages.tsx';
import { CodeWord } from './code-word.tsx';
import { DataTable } from './data-table.tsx';
import { Time } from './time.tsx';
import { useClientNames } from './use-client-names.ts';

type Entry = Schemas['AuditEntryResponse'];

/** Entries of the audit record as a table; on a phone, each entry is one cell. */
export function AuditEntries(props: { label: string; entries: readonly Entry[]; isLoading?: boolean }) {
  const { auditEntries: words } = useMessages();
  const clientName = useClientNames();
  const actorOf = ({ actor: { kind, id }, details }: Entry): string => {
    const name = personName(details);
    if (name !== null) return name;
    const word = Object.entries(words.actors).find(([known]) => known === kind)?.[1] ?? kind;
    return id === null ? word : clientName(id);
  };
  return (
    <DataTable
      label={props.label}
      columns={[
        { key: 'at', title: words.at, secondary: true, cell: ({ at }) => <Time at={at} /> },
        {
          key: 'action',
          title: words.action,
          cell: (entry) => (
            <>
              <CodeWord>{entry.action}</CodeWord>
              <Box hiddenFrom="sm">
                <Text size="xs" style={{ overflowWrap: 'anywhere' }}>
                  {actorOf(entry)} · <Time at={entry.at} />
                </Text>
                <DetailsText details={entry.details} />
              </Box>
            </>
          ),
        },
        {
          key: 'actor',
          title: words.actor,
          secondary: true,
          cell: (entry) => (
            <Text size="sm" miw={130}>
              {actorOf(entry)}
            </Text>
          ),
        },
        {
          key: 'details',
          title: words.details,
          secondary: true,
          cell: ({ details }) => <DetailsText details={details} />,
        },
      ]}
      rows={props.entries}
      rowKey={({ id }) => id}
      isLoading={props.isLoading}
      empty={
        <Text size="sm" c="dimmed" px="md" pb="md">
          {words.none}
        </Text>
      }
    />
  );
}

function DetailsText({ details }: Pick<Entry, 'details'>) {
  return (
    <Text size="xs" c="dimmed" className="id-text" lineClamp={2} title={JSON.stringify(details, null, 2)}>
      {detailsText(details)}
    </Text>
  );
}

/** Who did it in the console; null: it was not done in the console. */
function personName({ person }: Entry['details']): string | null {
  return typeof person === 'object' && person !== null && 'name' in person ? String(person.name) : null;
}

/** `flow: import, pages: 3`, without the person, who is shown separately. */
function detailsText({ person: _, ...details }: Readonly<Record<string, unknown>>): string {
  return Object.entries(details)
    .map(([key, value]) => `${key}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(', ');
}
