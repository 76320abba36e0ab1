import { Button, Group, Modal, Stack } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useLocation } from 'wouter';
import { api, unwrap } from '../../api/client.ts';
import { useChange } from '../../api/use-change.ts';
import { useIdempotencyKey } from '../../api/use-idempotency-key.ts';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { SecretOnce } from '../../components/secret-once.tsx';
import { useMessages } from '../../messages/use-messages.tsx';
import { isReadable, NEW_POLICY, type PolicyDraft, toPolicy } from './policy-draft.ts';
import { PolicyFields } from './policy-fields.tsx';

/** Creates a client, and shows its key only once. */
export function NewClientDialog({ onClose }: { onClose: () => void }) {
  const { clients: words, frame } = useMessages();
  const [, navigate] = useLocation();
  const [draft, setDraft] = useState<PolicyDraft>(NEW_POLICY);
  const keyFor = useIdempotencyKey();
  const make = useChange(
    () => {
      const body = { ...toPolicy(draft), name: draft.name.trim(), role: draft.role };
      return unwrap(api.POST('/v1/clients', { params: { header: { 'Idempotency-Key': keyFor(body) } }, body }));
    },
    { changes: [['clients'], ['client-names']] },
  );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    make.mutate(undefined);
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.newTitle}
      size="lg"
      closeButtonProps={{ 'aria-label': frame.actions.close }}
      closeOnClickOutside={false}
    >
      {make.data === undefined ? (
        <form onSubmit={submit}>
          <Stack>
            <PolicyFields draft={draft} onChange={setDraft} isNew />
            <ProblemNotice error={make.error} />
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={onClose}>
                {frame.actions.cancel}
              </Button>
              <Button type="submit" loading={make.isPending} disabled={!isReadable(draft)}>
                {words.make}
              </Button>
            </Group>
          </Stack>
        </form>
      ) : (
        <Stack>
          <SecretOnce label={words.apiKey} value={make.data.api_key} />
          <Group justify="flex-end">
            <Button onClick={() => navigate(`/clients/${make.data.id}`)}>{words.toClient}</Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
