import { ActionIcon, CopyButton, Group } from '@mantine/core';
import { useMessages } from '../messages/use-messages.tsx';
import { Icon } from './icon.tsx';

/** An id in full, with a button that copies it. */
export function IdText({ id }: { id: string }) {
  return (
    <Group gap={2} wrap="nowrap" display="inline-flex" maw="100%">
      <span className="id-text id-line">{id}</span>
      <CopyIcon value={id} />
    </Group>
  );
}

function CopyIcon({ value }: { value: string }) {
  const { actions } = useMessages().frame;
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <ActionIcon
          variant="subtle"
          color="gray"
          size="sm"
          onClick={copy}
          aria-label={copied ? actions.copied : `${actions.copy} ${value}`}
        >
          <Icon name={copied ? 'check' : 'copy'} size={14} />
        </ActionIcon>
      )}
    </CopyButton>
  );
}
