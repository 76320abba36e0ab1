import { Button, Group, Modal, NumberInput, Stack, Text } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useLocation } from 'wouter';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { useChange } from '../../api/use-change.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { SecretOnce } from '../../components/secret-once.tsx';
import { fill } from '../../messages/messages.ts';
import { useMessages } from '../../messages/use-messages.tsx';

type Subscription = Schemas['SubscriptionResponse'];

const CHANGES = [['subscriptions']] as const;

/** Test, pause or resume, rotate the secret, and delete. */
export function SubscriptionActions({ subscription }: { subscription: Subscription }) {
  const { subscriptions: words } = useMessages();
  const { id, status } = subscription;
  const params = { params: { path: { id } } };
  const [dialog, setDialog] = useState<'secret' | 'delete' | null>(null);
  const test = useChange(() => unwrap(api.POST('/v1/subscriptions/{id}/test', params)), {
    changes: CHANGES,
    done: ({ delivered, status: answer, error }) =>
      delivered
        ? fill(words.testDelivered, { status: answer ?? '' })
        : fill(words.testFailed, { reason: error ?? answer ?? '' }),
  });
  const pause = useChange(() => unwrap(api.POST('/v1/subscriptions/{id}/pause', params)), {
    changes: CHANGES,
    done: () => words.paused,
  });
  const resume = useChange(() => unwrap(api.POST('/v1/subscriptions/{id}/resume', params)), {
    changes: CHANGES,
    done: () => words.resumed,
  });
  const close = (): void => setDialog(null);
  return (
    <Stack gap="xs" align="flex-end">
      <Group gap="xs">
        <Button variant="default" loading={test.isPending} onClick={() => test.mutate(undefined)}>
          {words.test}
        </Button>
        {status === 'active' ? (
          <Button variant="default" loading={pause.isPending} onClick={() => pause.mutate(undefined)}>
            {words.pause}
          </Button>
        ) : (
          <Button variant="default" loading={resume.isPending} onClick={() => resume.mutate(undefined)}>
            {words.resume}
          </Button>
        )}
        <Button variant="default" onClick={() => setDialog('secret')}>
          {words.rotate}
        </Button>
        <Button variant="light" color="red" onClick={() => setDialog('delete')}>
          {words.delete}
        </Button>
      </Group>
      <ProblemNotice error={test.error ?? pause.error ?? resume.error} />
      {dialog === 'secret' && <RotateSecretDialog id={id} onClose={close} />}
      <DeleteDialog subscription={subscription} opened={dialog === 'delete'} onClose={close} />
    </Stack>
  );
}

function RotateSecretDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { subscriptions: words, frame } = useMessages();
  const [hours, setHours] = useState<number | string>(24);
  const rotate = useChange(
    () =>
      unwrap(
        api.POST('/v1/subscriptions/{id}/rotate-secret', {
          params: { path: { id } },
          body: { overlap_seconds: Math.round(Number(hours) * 3600) },
        }),
      ),
    { changes: CHANGES },
  );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    rotate.mutate(undefined);
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.rotateTitle}
      closeButtonProps={{ 'aria-label': frame.actions.close }}
      closeOnClickOutside={false}
    >
      {rotate.data === undefined ? (
        <form onSubmit={submit}>
          <Stack>
            <NumberInput
              label={words.overlapHours}
              description={words.overlapDetail}
              value={hours}
              min={0}
              max={168}
              onChange={setHours}
              data-autofocus
            />
            <ProblemNotice error={rotate.error} />
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={onClose}>
                {frame.actions.cancel}
              </Button>
              <Button type="submit" loading={rotate.isPending}>
                {words.rotate}
              </Button>
            </Group>
          </Stack>
        </form>
      ) : (
        <SecretOnce label={words.secret} value={rotate.data.secret} />
      )}
    </Modal>
  );
}

function DeleteDialog(props: { subscription: Subscription; opened: boolean; onClose: () => void }) {
  const { subscriptions: words } = useMessages();
  const [, navigate] = useLocation();
  const { id, url } = props.subscription;
  const remove = useChange(() => unwrap(api.DELETE('/v1/subscriptions/{id}', { params: { path: { id } } })), {
    changes: [['subscriptions', 'list']],
    done: () => words.deleted,
  });
  return (
    <ConfirmDialog
      opened={props.opened}
      title={words.deleteTitle}
      confirm={words.delete}
      word={words.deleteWord}
      danger
      isPending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(undefined, { onSuccess: () => navigate('/subscriptions') })}
      onClose={props.onClose}
    >
      <Text size="sm">{fill(words.deletePreview, { url })}</Text>
    </ConfirmDialog>
  );
}
