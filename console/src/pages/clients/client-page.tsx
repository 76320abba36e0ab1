import { Anchor, Badge, Button, Center, Group, Loader, SimpleGrid, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation, useParams } from 'wouter';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { useChange } from '../../api/use-change.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { Icon } from '../../components/icon.tsx';
import { IdText } from '../../components/id-text.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Section } from '../../components/section.tsx';
import { Time } from '../../components/time.tsx';
import { fill } from '../../messages/messages.ts';
import { useMessages } from '../../messages/use-messages.tsx';
import { ClientKeysSection } from './client-keys-section.tsx';
import { isReadable, type PolicyDraft, toDraft, toPolicy } from './policy-draft.ts';
import { PolicyFields } from './policy-fields.tsx';
import { PolicyTester } from './policy-tester.tsx';

type Client = Schemas['ClientWithKeysResponse'];

export function ClientPage() {
  const { clients: words, frame } = useMessages();
  const { id = '' } = useParams<{ id: string }>();
  const {
    data: client,
    error,
    refetch,
  } = useQuery({
    queryKey: ['clients', id],
    queryFn: ({ signal }) => unwrap(api.GET('/v1/clients/{id}', { params: { path: { id } }, signal })),
  });
  return (
    <Stack>
      <Anchor component={Link} href="/clients" size="sm">
        <Group gap={4} component="span" display="inline-flex">
          <Icon name="back" size={14} />
          {words.title}
        </Group>
      </Anchor>
      <PageHeader title={client?.name ?? words.one} description={<IdText id={id} />}>
        {client !== undefined && <DeleteClient client={client} />}
      </PageHeader>
      <ProblemNotice error={error} onRetry={() => void refetch()} />
      {client === undefined && error === null && (
        <Center mih={200}>
          <Loader aria-label={frame.list.loading} />
        </Center>
      )}
      {client !== undefined && <ClientDetails key={client.id} client={client} />}
    </Stack>
  );
}

function ClientDetails({ client }: { client: Client }) {
  const { clients: words, frame } = useMessages();
  return (
    <>
      <Group gap="xs">
        <Badge variant="default">{frame.session.roles[client.role]}</Badge>
        <Text size="sm" c="dimmed">
          {words.lastUse}: <Time at={client.last_used_at} form="relative" otherwise={frame.time.never} />
        </Text>
      </Group>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <PolicySection client={client} />
        <Stack>
          <ClientKeysSection client={client} />
          {client.role === 'service' && <PolicyTester id={client.id} />}
        </Stack>
      </SimpleGrid>
    </>
  );
}

/** What the client may do. Input stays until it is saved, even if the client is read again. */
function PolicySection({ client }: { client: Client }) {
  const { clients: words } = useMessages();
  const [draft, setDraft] = useState<PolicyDraft | null>(null);
  const shown = draft ?? toDraft(client);
  const save = useChange(
    (changed: PolicyDraft) =>
      unwrap(api.PATCH('/v1/clients/{id}', { params: { path: { id: client.id } }, body: toPolicy(changed) })),
    { changes: [['clients'], ['client-names']], done: () => words.saved },
  );
  return (
    <Section title={words.policy} description={words.policyDetail}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(shown, { onSuccess: () => setDraft(null) });
        }}
      >
        <Stack>
          <PolicyFields draft={shown} onChange={setDraft} />
          <ProblemNotice error={save.error} />
          <Group justify="flex-end" gap="xs">
            {draft !== null && (
              <Button variant="default" onClick={() => setDraft(null)}>
                {words.discard}
              </Button>
            )}
            <Button type="submit" disabled={draft === null || !isReadable(shown)} loading={save.isPending}>
              {words.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}

function DeleteClient({ client }: { client: Client }) {
  const { clients: words } = useMessages();
  const [isAsking, setIsAsking] = useState(false);
  const [, navigate] = useLocation();
  const remove = useChange(() => unwrap(api.DELETE('/v1/clients/{id}', { params: { path: { id: client.id } } })), {
    changes: [['clients', 'list'], ['client-names']],
    done: () => fill(words.deleted, { name: client.name }),
  });
  return (
    <>
      <Button variant="light" color="red" onClick={() => setIsAsking(true)}>
        {words.delete}
      </Button>
      <ConfirmDialog
        opened={isAsking}
        title={fill(words.deleteTitle, { name: client.name })}
        confirm={words.delete}
        word={client.name}
        danger
        isPending={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate(undefined, { onSuccess: () => navigate('/clients') })}
        onClose={() => setIsAsking(false)}
      >
        <Text size="sm">{words.deletePreview}</Text>
      </ConfirmDialog>
    </>
  );
}
