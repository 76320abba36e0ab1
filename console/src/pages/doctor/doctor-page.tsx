import { Badge, Button, Center, Group, Loader, Paper, Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { Icon } from '../../components/icon.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Time } from '../../components/time.tsx';
import { useMessages } from '../../messages/use-messages.tsx';

type Finding = Schemas['DoctorFindingResponse'];

const COLORS = { ok: 'teal', attention: 'yellow', wrong: 'red' } as const;
const KEY = ['doctor'] as const;

/** The doctor's findings and remedies. */
export function DoctorPage() {
  const { doctor: words, frame } = useMessages();
  const client = useQueryClient();
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => unwrap(api.GET('/v1/doctor', { signal })),
    staleTime: 60_000,
  });
  const again = useQuery({
    queryKey: [...KEY, 'fresh'],
    queryFn: async ({ signal }) => {
      const examined = await unwrap(api.GET('/v1/doctor', { params: { query: { fresh: 'true' } }, signal }));
      client.setQueryData(KEY, examined);
      return examined;
    },
    enabled: false,
  });
  return (
    <>
      <PageHeader
        title={words.title}
        description={
          data !== undefined && (
            <>
              {words.examined} <Time at={data.examined_at} />
            </>
          )
        }
      >
        <Button
          variant="default"
          leftSection={<Icon name="refresh" size={16} />}
          loading={isFetching || again.isFetching}
          onClick={() => void again.refetch()}
        >
          {words.again}
        </Button>
      </PageHeader>
      <ProblemNotice error={error ?? again.error} onRetry={() => void refetch()} />
      {data === undefined && error === null && (
        <Center mih={200}>
          <Stack align="center" gap="xs">
            <Loader aria-label={frame.list.loading} />
            <Text size="sm" c="dimmed">
              {words.examining}
            </Text>
          </Stack>
        </Center>
      )}
      {data !== undefined && (
        <Paper component="ul" m={0} p={0} style={{ listStyle: 'none', overflow: 'hidden' }}>
          {data.findings.map((finding) => (
            <FindingItem key={`${finding.check} ${finding.detail}`} finding={finding} />
          ))}
        </Paper>
      )}
    </>
  );
}

function FindingItem({ finding }: { finding: Finding }) {
  const { doctor: words } = useMessages();
  const { check, state, detail, mend } = finding;
  return (
    <li className="ruled-item">
      <Group gap="md" wrap="nowrap" align="flex-start">
        <Badge color={COLORS[state]} miw={92} mt={2}>
          {words.states[state]}
        </Badge>
        <div style={{ minWidth: 0 }}>
          <Text size="xs" c="dimmed" className="id-text">
            {check}
          </Text>
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {detail}
          </Text>
          {mend !== null && (
            <Text size="sm" mt={4} fw={550} style={{ overflowWrap: 'anywhere' }}>
              {mend}
            </Text>
          )}
        </div>
      </Group>
    </li>
  );
}
