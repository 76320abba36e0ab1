import { Button, Group, Modal, Stack } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useLocation } from 'wouter';
import { api, unwrap } from '../../api/client.ts';
import { useChange } from '../../api/use-change.ts';
import { useIdempotencyKey } from '../../api/use-idempotency-key.ts';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { SecretOnce } from '../../components/secret-once.tsx';
import { useMessages } from '../../messages/use-messages.tsx';
import { NEW_SUBSCRIPTION, SubscriptionFields, toSubscription } from './subscription-fields.tsx';

/** Subscribes a receiver, and shows its signing secret only once. */
export function NewSubscriptionDialog({ onClose }: { onClose: () => void }) {
  const { subscriptions: words, frame } = useMessages();
  const [, navigate] = useLocation();
  const [draft, setDraft] = useState(NEW_SUBSCRIPTION);
  const keyFor = useIdempotencyKey();
  const make = useChange(
    () => {
      const body = toSubscription(draft);
      return unwrap(api.POST('/v1/subscriptions', { params: { header: { 'Idempotency-Key': keyFor(body) } }, body }));
    },
    { changes: [['subscriptions', 'list']] },
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
            <SubscriptionFields draft={draft} onChange={setDraft} />
            <ProblemNotice error={make.error} />
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={onClose}>
                {frame.actions.cancel}
              </Button>
              <Button type="submit" loading={make.isPending} disabled={draft.events.length === 0}>
                {words.make}
              </Button>
            </Group>
          </Stack>
        </form>
      ) : (
        <Stack>
          <SecretOnce label={words.secret} value={make.data.secret} />
          <Group justify="flex-end">
            <Button onClick={() => navigate(`/subscriptions/${make.data.id}`)}>{words.toSubscription}</Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
