import { Group, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { useDocumentTitle } from '../frame/use-document-title.ts';

/** A page's heading, description, and actions. */
export function PageHeader(props: { title: string; description?: ReactNode; children?: ReactNode }) {
  useDocumentTitle(props.title);
  return (
    <Group justify="space-between" align="flex-start" gap="sm">
      <Stack gap={2}>
        <Title order={1} size="h2">
          {props.title}
        </Title>
        {props.description !== undefined && (
          <Text c="dimmed" size="sm" component="div">
            {props.description}
          </Text>
        )}
      </Stack>
      {props.children !== undefined && <Group gap="xs">{props.children}</Group>}
    </Group>
  );
}
