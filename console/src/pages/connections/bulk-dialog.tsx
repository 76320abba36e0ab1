import { Button, Group, Modal, Progress, ScrollArea, Stack, Table, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ProblemError } from '../../api/problem-error.ts';
import { accountName, type Connection } from '../../components/connection-summary.ts';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { fill } from '../../messages/messages.ts';
import { useMessages } from '../../messages/use-messages.tsx';
import type { RowResult } from './bulk-run.ts';
import { type BulkAction, useBulkRun } from './use-bulk-run.ts';

const MAX_TENANTS = 5;

/** Says what will happen to the chosen connections, does it, and shows the result of each one. */
export function BulkDialog(props: { action: BulkAction; chosen: readonly Connection[]; onClose: () => void }) {
  const { connections, frame } = useMessages();
  const { bulk: words } = connections;
  const { action } = props;
  // Kept as they were: the list behind the dialog is read again in the meantime.
  const [chosen] = useState(props.chosen);
  const workable = chosen.filter(({ status }) => status !== 'revoked');
  const run = useBulkRun(action);
  const [typed, setTyped] = useState('');
  const states = [...run.results.values()].map(({ state }) => state);
  const [succeeded, failed] = (['succeeded', 'failed'] as const).map((each) => states.filter((s) => s === each).length);
  const isDone = succeeded === workable.length;
  const isConfirmed = action !== 'revoke' || typed.trim().toLowerCase() === words.word;
  return (
    <Modal
      opened
      onClose={props.onClose}
      size="lg"
      title={words[`${action}Title`]}
      closeButtonProps={{ 'aria-label': frame.actions.close }}
      closeOnClickOutside={!run.isPending}
      closeOnEscape={!run.isPending}
      withCloseButton={!run.isPending}
    >
      <Stack>
        <Preview action={action} chosen={chosen} workable={workable} />
        {action === 'revoke' && run.results.size === 0 && workable.length > 0 && (
          <TextInput
            label={fill(frame.actions.confirmWord, { word: `“${words.word}”` })}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            autoComplete="off"
            data-autofocus
          />
        )}
        {run.results.size > 0 && (
          <Outcome rows={workable} results={run.results} succeeded={succeeded ?? 0} failed={failed ?? 0} />
        )}
        <ProblemNotice error={run.error} />
        <Group justify="flex-end" gap="xs">
          {run.isPending ? (
            <Button variant="default" onClick={run.stop}>
              {words.stop}
            </Button>
          ) : (
            <Button variant="default" onClick={props.onClose}>
              {run.results.size > 0 ? frame.actions.close : frame.actions.cancel}
            </Button>
          )}
          {!isDone && (
            <Button
              color={action === 'revoke' ? 'red.9' : undefined}
              loading={run.isPending}
              disabled={!isConfirmed || workable.length === 0}
              onClick={() => run.start(workable.map(({ id }) => id))}
            >
              {run.results.size > 0 && !run.isPending ? words.goOn : words[action]}
            </Button>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}

function Preview(props: { action: BulkAction; chosen: readonly Connection[]; workable: readonly Connection[] }) {
  const { bulk: words } = useMessages().connections;
  const skipped = props.chosen.length - props.workable.length;
  const tenants = [...new Set(props.workable.map(({ tenant }) => tenant))];
  const names = tenants.slice(0, MAX_TENANTS).join(', ') + (tenants.length > MAX_TENANTS ? ', …' : '');
  if (props.workable.length === 0) return <Text size="sm">{words.nothingToDo}</Text>;
  return (
    <Stack gap={4}>
      <Text size="sm">{words[`${props.action}Preview`]}</Text>
      <Text size="sm" fw={550}>
        {fill(words.willChange, { count: props.workable.length })}
      </Text>
      {skipped > 0 && <Text size="sm">{fill(words.willSkip, { count: skipped })}</Text>}
      <Text size="sm" c="dimmed">
        {fill(words.tenants, { names })}
      </Text>
    </Stack>
  );
}

function Outcome(props: {
  rows: readonly Connection[];
  results: ReadonlyMap<string, RowResult>;
  succeeded: number;
  failed: number;
}) {
  const { bulk: words } = useMessages().connections;
  const { rows, succeeded, failed } = props;
  const done = succeeded + failed;
  // Failures come first, where they are seen.
  const sorted = [...rows].sort((a, b) => rankOf(props.results.get(a.id)) - rankOf(props.results.get(b.id)));
  return (
    <Stack gap="xs" aria-live="polite">
      <Progress
        value={(100 * done) / rows.length}
        color={failed > 0 ? 'yellow' : undefined}
        aria-label={fill(words.progress, { done, all: rows.length })}
      />
      <Text size="sm">{fill(words.done, { done: succeeded, failed })}</Text>
      <ScrollArea.Autosize mah={260} viewportProps={{ tabIndex: 0 }}>
        <Table fz="sm" verticalSpacing={6}>
          <Table.Tbody>
            {sorted.map((connection) => (
              <Table.Tr key={connection.id}>
                <Table.Td>{accountName(connection)}</Table.Td>
                <Table.Td>
                  <ResultText result={props.results.get(connection.id)} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </ScrollArea.Autosize>
    </Stack>
  );
}

function rankOf(result: RowResult | undefined): number {
  return result?.state === 'failed' ? 0 : 1;
}

function ResultText({ result }: { result: RowResult | undefined }) {
  const { bulk: words } = useMessages().connections;
  if (result === undefined) return words.waiting;
  if (result.state !== 'failed') return words[result.state];
  const { error } = result;
  const remedy = error instanceof ProblemError ? error.problem.remedy : undefined;
  return (
    <Text size="sm" c="var(--mantine-color-error)">
      {words.failed}: {error instanceof Error ? error.message : String(error)} {remedy}
    </Text>
  );
}
