import { Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { fill } from '../messages/messages.ts';
import { useMessages } from '../messages/use-messages.tsx';
import { ProblemNotice } from './problem-notice.tsx';

/**
 * Asks for confirmation. With `word`, which is for actions that can't be undone, that word must be typed. A failure is
 * shown in the dialog, which stays open.
 */
export function ConfirmDialog(props: {
  opened: boolean;
  title: string;
  confirm: string;
  word?: string;
  danger?: boolean;
  isPending: boolean;
  error: unknown;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
}) {
  const { actions } = useMessages().frame;
  const [typed, setTyped] = useState('');
  const isConfirmed = props.word === undefined || typed.trim().toLowerCase() === props.word.toLowerCase();
  const close = (): void => {
    setTyped('');
    props.onClose();
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isConfirmed) props.onConfirm();
  };
  return (
    <Modal
      opened={props.opened}
      onClose={close}
      title={props.title}
      closeButtonProps={{ 'aria-label': actions.close }}
      closeOnClickOutside={!props.isPending}
    >
      <form onSubmit={submit}>
        <Stack>
          {props.children}
          {props.word !== undefined && (
            <TextInput
              label={fill(actions.confirmWord, { word: `“${props.word}”` })}
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
              autoComplete="off"
              data-autofocus
            />
          )}
          <ProblemNotice error={props.error} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              {actions.cancel}
            </Button>
            <Button
              type="submit"
              color={props.danger ? 'red.9' : undefined}
              disabled={!isConfirmed}
              loading={props.isPending}
            >
              {props.confirm}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
