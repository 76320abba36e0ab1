import { Button, CopyButton, Group, Stack, Text, TextInput } from '@mantine/core';
import { useMessages } from '../messages/use-messages.tsx';
import { Icon } from './icon.tsx';

/** A secret that is shown only once, to copy. */
export function SecretOnce({ label, value }: { label: string; value: string }) {
  const { frame } = useMessages();
  return (
    <Stack gap="xs">
      <Group align="flex-end" gap="xs" wrap="nowrap">
        <TextInput
          label={label}
          value={value}
          readOnly
          flex={1}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
          onFocus={(event) => event.currentTarget.select()}
        />
        <CopyButton value={value}>
          {({ copied, copy }) => (
            <Button variant="default" onClick={copy} leftSection={<Icon name={copied ? 'check' : 'copy'} size={16} />}>
              {copied ? frame.actions.copied : frame.actions.copy}
            </Button>
          )}
        </CopyButton>
      </Group>
      <Text size="sm" c="dimmed">
        {frame.actions.shownOnce}
      </Text>
    </Stack>
  );
}
