import { Button, Checkbox, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { api, unwrap } from '../../api/client.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import type { Connection } from '../../components/connection-summary.ts';
import { Icon } from '../../components/icon.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { useNotice } from '../../components/use-notice.tsx';
import { fill } from '../../messages/messages.ts';
import { useMessages } from '../../messages/use-messages.tsx';
import { useCanChange, useCanManageTenants } from '../../session/use-session.ts';
import { useConnectionAction } from './connection-query.ts';
import { ReconnectDialog } from './reconnect-dialog.tsx';

type Dialog = 'rotate' | 'revoke' | 'reconnect';

/** The actions on a connection; none for roles that may only read. */
export function ConnectionActions({ connection }: { connection: Connection }) {
  const { connection: words } = useMessages();
  const canChange = useCanChange();
  const canRevoke = useCanManageTenants();
  const notify = useNotice();
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const { id } = connection;
  const path = { params: { path: { id } } };
  const check = useConnectionAction(id, () => unwrap(api.POST('/v1/connections/{id}/check', path)));
  const refresh = useConnectionAction(id, () => unwrap(api.POST('/v1/connections/{id}/refresh', path)));
  if (!canRevoke) return null;
  const isRevoked = connection.status === 'revoked';
  const isSystemUser = connection.credentials[0]?.kind === 'system_user';
  const close = (): void => setDialog(null);
  return (
    <>
      {canChange && !isRevoked && (
        <Group gap="xs">
          <Button
            variant="default"
            loading={check.isPending}
            leftSection={<Icon name="check" size={16} />}
            onClick={() => check.mutate(undefined, { onSuccess: () => notify(words.actions.checked) })}
          >
            {words.actions.check}
          </Button>
          <Button
            variant="default"
            loading={refresh.isPending}
            leftSection={<Icon name="refresh" size={16} />}
            onClick={() => refresh.mutate(undefined, { onSuccess: () => notify(words.actions.refreshed) })}
          >
            {words.actions.refresh}
          </Button>
          {isSystemUser && (
            <Button variant="default" onClick={() => setDialog('rotate')}>
              {words.actions.rotate}
            </Button>
          )}
        </Group>
      )}
      <Button
        variant={connection.status === 'active' ? 'default' : 'filled'}
        leftSection={<Icon name="qr" size={16} />}
        onClick={() => setDialog('reconnect')}
      >
        {words.actions.reconnect}
      </Button>
      {!isRevoked && (
        <Button
          variant="light"
          color="red"
          leftSection={<Icon name="revoke" size={16} />}
          onClick={() => setDialog('revoke')}
        >
          {words.actions.revoke}
        </Button>
      )}
      <ProblemNotice error={check.error ?? refresh.error} />
      <RotateDialog connection={connection} opened={dialog === 'rotate'} onClose={close} />
      <RevokeDialog connection={connection} opened={dialog === 'revoke'} onClose={close} />
      {dialog === 'reconnect' && <ReconnectDialog connection={connection} onClose={close} />}
    </>
  );
}

interface DialogProps {
  connection: Connection;
  opened: boolean;
  onClose: () => void;
}

function RevokeDialog({ connection, opened, onClose }: DialogProps) {
  const { connection: words } = useMessages();
  const notify = useNotice();
  const { id } = connection;
  const revoke = useConnectionAction(id, () =>
    unwrap(api.DELETE('/v1/connections/{id}', { params: { path: { id } } })),
  );
  return (
    <ConfirmDialog
      opened={opened}
      title={words.revoke.title}
      confirm={words.revoke.start}
      word={words.revoke.word}
      danger
      isPending={revoke.isPending}
      error={revoke.error}
      onClose={onClose}
      onConfirm={() =>
        revoke.mutate(undefined, {
          onSuccess: ({ leases_revoked }) => {
            notify(fill(words.actions.revoked, { count: leases_revoked }));
            onClose();
          },
        })
      }
    >
      <Text size="sm">{words.revoke.preview}</Text>
    </ConfirmDialog>
  );
}

function RotateDialog({ connection, opened, onClose }: DialogProps) {
  const { connection: words } = useMessages();
  const notify = useNotice();
  const { id } = connection;
  const [expires, setExpires] = useState((connection.credentials[0]?.expires_at ?? null) !== null);
  const rotate = useConnectionAction(id, () =>
    unwrap(
      api.POST('/v1/connections/{id}/rotate', {
        params: { path: { id } },
        body: { set_token_expires_in_60_days: expires },
      }),
    ),
  );
  return (
    <ConfirmDialog
      opened={opened}
      title={words.rotate.title}
      confirm={words.rotate.start}
      isPending={rotate.isPending}
      error={rotate.error}
      onClose={onClose}
      onConfirm={() =>
        rotate.mutate(undefined, {
          onSuccess: () => {
            notify(words.actions.rotated);
            onClose();
          },
        })
      }
    >
      <Text size="sm">{words.rotate.preview}</Text>
      <Checkbox
        label={words.rotate.expires}
        description={words.rotate.expiresDescription}
        checked={expires}
        onChange={(event) => setExpires(event.currentTarget.checked)}
      />
    </ConfirmDialog>
  );
}
