import { Button, Group, Modal, NumberInput, PasswordInput, Stack, TagsInput, TextInput } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { api, unwrap } from '../../api/client.ts';
import { useChange } from '../../api/use-change.ts';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { SecretOnce } from '../../components/secret-once.tsx';
import { useMessages } from '../../messages/use-messages.tsx';

/** Adds a Meta app after checking it with Meta; then shows what to enter in Meta's dashboard. */
export function NewAppDialog({ onClose }: { onClose: () => void }) {
  const { apps: words } = useMessages();
  const [draft, setDraft] = useState({ app_id: '', app_secret: '', name: '', tenants: [] as string[] });
  const set = (changed: Partial<typeof draft>): void => setDraft({ ...draft, ...changed });
  const add = useChange(
    () =>
      unwrap(
        api.POST('/v1/apps', {
          body: {
            app_id: draft.app_id.trim(),
            app_secret: draft.app_secret.trim(),
            name: draft.name.trim(),
            tenants: draft.tenants.length === 0 ? ['*'] : draft.tenants,
          },
        }),
      ),
    { changes: [['apps']] },
  );
  return (
    <DialogForm title={words.newTitle} submit={words.add} onClose={onClose} change={add} result={add.data?.webhooks}>
      <TextInput
        label={words.name}
        value={draft.name}
        maxLength={100}
        onChange={(event) => set({ name: event.currentTarget.value })}
        required
        withAsterisk={false}
        data-autofocus
      />
      <TextInput
        label={words.appId}
        value={draft.app_id}
        onChange={(event) => set({ app_id: event.currentTarget.value })}
        required
        withAsterisk={false}
        autoComplete="off"
        inputMode="numeric"
      />
      <PasswordInput
        label={words.appSecret}
        description={words.appSecretDetail}
        value={draft.app_secret}
        onChange={(event) => set({ app_secret: event.currentTarget.value })}
        required
        withAsterisk={false}
        autoComplete="off"
      />
      <TagsInput
        label={words.tenants}
        description={words.tenantsDetail}
        value={draft.tenants}
        onChange={(tenants) => set({ tenants })}
        splitChars={[',', ' ']}
        acceptValueOnBlur
      />
    </DialogForm>
  );
}

/** Replaces an app's secret. Signatures with the old one remain valid for a while. */
export function RotateAppSecretDialog({ appId, onClose }: { appId: string; onClose: () => void }) {
  const { apps: words } = useMessages();
  const [secret, setSecret] = useState('');
  const [hours, setHours] = useState<number | string>(24);
  const rotate = useChange(
    () =>
      unwrap(
        api.POST('/v1/apps/{app_id}/secret', {
          params: { path: { app_id: appId } },
          body: { app_secret: secret.trim(), grace_seconds: Math.round(Number(hours) * 3600) },
        }),
      ),
    { changes: [['apps']], done: () => words.rotated },
  );
  return (
    <DialogForm title={words.rotateTitle} submit={words.rotate} onClose={onClose} change={rotate}>
      <PasswordInput
        label={words.newSecret}
        description={words.appSecretDetail}
        value={secret}
        onChange={(event) => setSecret(event.currentTarget.value)}
        required
        withAsterisk={false}
        autoComplete="off"
        data-autofocus
      />
      <NumberInput
        label={words.graceHours}
        description={words.graceDetail}
        value={hours}
        min={0}
        max={720}
        onChange={setHours}
      />
    </DialogForm>
  );
}

/** A form in a dialog. Once there is a `result`, shows it instead; without one, the dialog closes. */
function DialogForm(props: {
  title: string;
  submit: string;
  onClose: () => void;
  change: {
    mutate: (input: undefined, options: { onSuccess: () => void }) => void;
    isPending: boolean;
    error: Error | null;
  };
  result?: { callback_url: string; verify_token: string };
  children: ReactNode;
}) {
  const { apps: words, frame } = useMessages();
  const { change, onClose, result } = props;
  const isAdding = 'result' in props;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    change.mutate(undefined, { onSuccess: () => !isAdding && onClose() });
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={props.title}
      closeButtonProps={{ 'aria-label': frame.actions.close }}
      closeOnClickOutside={false}
    >
      {result === undefined ? (
        <form onSubmit={submit}>
          <Stack gap="sm">
            {props.children}
            <ProblemNotice error={change.error} />
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={onClose}>
                {frame.actions.cancel}
              </Button>
              <Button type="submit" loading={change.isPending}>
                {props.submit}
              </Button>
            </Group>
          </Stack>
        </form>
      ) : (
        <Stack>
          <TextInput label={words.callback} value={result.callback_url} readOnly />
          <SecretOnce label={words.verifyToken} value={result.verify_token} />
        </Stack>
      )}
    </Modal>
  );
}
