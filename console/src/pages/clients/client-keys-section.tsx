import { Button, Group, Modal, NumberInput, Stack, Text } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { useChange } from '../../api/use-change.ts';
import { useIdempotencyKey } from '../../api/use-idempotency-key.ts';
import { DataTable } from '../../components/data-table.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { SecretOnce } from '../../components/secret-once.tsx';
import { Section } from '../../components/section.tsx';
import { Time } from '../../components/time.tsx';
import { useMessages } from '../../messages/use-messages.tsx';

type Client = Schemas['ClientWithKeysResponse'];

const DAY_HOURS = 24;

/** A client's keys, of which only the lifetimes are known, and a button for a new one. */
export function ClientKeysSection({ client }: { client: Client }) {
  const { clients: words, frame } = useMessages();
  const [isIssuing, setIsIssuing] = useState(false);
  return (
    <Section
      flush
      title={words.keys}
      actions={
        <Button size="xs" variant="default" onClick={() => setIsIssuing(true)}>
          {words.issueKey}
        </Button>
      }
    >
      <DataTable
        label={words.keys}
        columns={[
          { key: 'made', title: words.keyMade, cell: ({ created_at: at }) => <Time at={at} form="date" /> },
          {
            key: 'used',
            title: words.lastUse,
            cell: ({ last_used_at: at }) => <Time at={at} form="relative" otherwise={frame.time.never} />,
          },
          {
            key: 'ends',
            title: words.keyEnds,
            cell: ({ expires_at: at }) => <Time at={at} form="relative" otherwise={frame.time.never} />,
          },
        ]}
        rows={client.keys}
        rowKey={({ created_at: at }) => at}
        empty={
          <Text size="sm" c="dimmed" px="md" pb="md">
            {words.noKeys}
          </Text>
        }
      />
      {isIssuing && <IssueKeyDialog id={client.id} onClose={() => setIsIssuing(false)} />}
    </Section>
  );
}

function IssueKeyDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { clients: words, frame } = useMessages();
  const [graceHours, setGraceHours] = useState<number | string>(DAY_HOURS);
  const keyFor = useIdempotencyKey();
  const issue = useChange(
    () => {
      const body = { grace_seconds: Math.round(Number(graceHours) * 3600) };
      const header = { 'Idempotency-Key': keyFor(body) };
      return unwrap(api.POST('/v1/clients/{id}/keys', { params: { path: { id }, header }, body }));
    },
    { changes: [['clients']] },
  );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    issue.mutate(undefined);
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.issueKey}
      closeButtonProps={{ 'aria-label': frame.actions.close }}
      closeOnClickOutside={false}
    >
      {issue.data === undefined ? (
        <form onSubmit={submit}>
          <Stack>
            <NumberInput
              label={words.graceHours}
              description={words.graceDetail}
              value={graceHours}
              min={0}
              max={720}
              onChange={setGraceHours}
              data-autofocus
            />
            <ProblemNotice error={issue.error} />
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={onClose}>
                {frame.actions.cancel}
              </Button>
              <Button type="submit" loading={issue.isPending}>
                {words.issueKey}
              </Button>
            </Group>
          </Stack>
        </form>
      ) : (
        <SecretOnce label={words.apiKey} value={issue.data.api_key} />
      )}
    </Modal>
  );
}
