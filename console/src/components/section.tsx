import { Group, Paper, Stack, Text, Title } from '@mantine/core';
import { type ReactNode, useId } from 'react';

/** A part of a page, with its heading. A `flush` section holds a table, which extends to its edges. */
export function Section(props: {
  title: string;
  description?: ReactNode;
  actions?: ReactNode;
  flush?: boolean;
  children: ReactNode;
}) {
  const id = useId();
  const { flush = false } = props;
  return (
    <Paper component="section" aria-labelledby={id} p={flush ? 0 : 'md'} style={{ overflow: 'hidden' }}>
      <Stack gap={flush ? 0 : 'md'}>
        <Group justify="space-between" gap="xs" p={flush ? 'md' : 0} pb={flush ? 'xs' : 0}>
          <div>
            <Title order={2} size="h5" id={id}>
              {props.title}
            </Title>
            {props.description !== undefined && (
              <Text c="dimmed" size="xs" component="div">
                {props.description}
              </Text>
            )}
          </div>
          {props.actions}
        </Group>
        {props.children}
      </Stack>
    </Paper>
  );
}
