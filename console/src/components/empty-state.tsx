import { Stack, Text, ThemeIcon } from '@mantine/core';
import type { ReactNode } from 'react';
import { Icon, type IconName } from './icon.tsx';

/** Shown if there is nothing to list; says why or what to do. */
export function EmptyState(props: { icon: IconName; title: string; detail?: string; children?: ReactNode }) {
  return (
    <Stack align="center" gap="xs" py={40} px="md" ta="center">
      <ThemeIcon variant="light" color="gray" size={44} radius="xl">
        <Icon name={props.icon} size={22} />
      </ThemeIcon>
      <Text fw={550}>{props.title}</Text>
      {props.detail !== undefined && (
        <Text size="sm" c="dimmed" maw={420}>
          {props.detail}
        </Text>
      )}
      {props.children}
    </Stack>
  );
}
