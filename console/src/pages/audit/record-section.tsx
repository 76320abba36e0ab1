import { Alert, Button, Group, List, Stack, Text, Textarea } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, unwrap } from '../../api/client.ts';
import { Icon } from '../../components/icon.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Section } from '../../components/section.tsx';
import { download } from '../../download.ts';
import { fill } from '../../messages/messages.ts';
import { useMessages } from '../../messages/use-messages.tsx';
import { useVerification, type Verification } from './use-verification.ts';
import { VerificationProgress } from './verification-progress.tsx';

/** Shows whether the record is complete and, with an anchor kept elsewhere, whether it is from this database. */
export function RecordSection() {
  const { audit: words } = useMessages();
  const [anchor, setAnchor] = useState('');
  const { verify, progress } = useVerification();
  const take = useMutation({
    mutationFn: async () => {
      const taken = await unwrap(api.GET('/v1/audit/anchor'));
      download(`anchor-${taken.taken_at.slice(0, 10)}.json`, [JSON.stringify(taken, null, 2)], 'application/json');
    },
  });
  return (
    <Section
      title={words.record}
      description={words.recordDetail}
      actions={
        <Group gap="xs">
          <Button
            size="xs"
            variant="default"
            leftSection={<Icon name="download" size={14} />}
            loading={take.isPending}
            onClick={() => take.mutate()}
          >
            {words.takeAnchor}
          </Button>
          <Button
            size="xs"
            loading={verify.isPending}
            onClick={() => verify.mutate(anchor.trim().replaceAll(/\s+/g, ' '))}
          >
            {words.verify}
          </Button>
        </Group>
      }
    >
      <Textarea
        size="xs"
        label={words.anchor}
        description={words.anchorDetail}
        value={anchor}
        onChange={(event) => setAnchor(event.currentTarget.value)}
        autosize
        minRows={1}
        maxRows={4}
        spellCheck={false}
      />
      {verify.isPending && <VerificationProgress progress={progress} />}
      <ProblemNotice error={verify.error ?? take.error} />
      {verify.data !== undefined && !verify.isPending && <Verdict verification={verify.data} />}
    </Section>
  );
}

function Verdict({ verification }: { verification: Verification }) {
  const { audit: words } = useMessages();
  const { valid, entries, faults, anchor } = verification;
  return (
    <Alert
      color={valid ? 'teal' : 'red'}
      variant="light"
      icon={<Icon name={valid ? 'check' : 'alert'} />}
      title={fill(valid ? words.valid : words.invalid, { count: entries })}
      role="status"
    >
      {(anchor !== undefined || faults.length > 0) && (
        <Stack gap={4}>
          {anchor !== undefined && <Text size="sm">{fill(words.anchorVerdict, { verdict: anchor })}</Text>}
          {faults.length > 0 && (
            <List size="sm">
              {faults.map((fault) => (
                <List.Item key={`${fault.kind} ${fault.from} ${fault.entry_id}`}>
                  <span className="id-text">{fault.kind}</span>{' '}
                  {fault.from !== null && fill(words.fault, { from: fault.from, to: fault.to ?? fault.from })}
                </List.Item>
              ))}
            </List>
          )}
        </Stack>
      )}
    </Alert>
  );
}
