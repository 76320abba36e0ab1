import { Alert, Badge, Center, Group, List, Loader, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { CodeWord } from '../../components/code-word.tsx';
import { DataTable } from '../../components/data-table.tsx';
import { Facts } from '../../components/facts.tsx';
import { Icon } from '../../components/icon.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Section } from '../../components/section.tsx';
import { fill } from '../../messages/messages.ts';
import { useMessages } from '../../messages/use-messages.tsx';

type Settings = Schemas['SettingsResponse'];
type Setting = Settings['settings'][number];

const GROUPS = ['listening', 'meta', 'keys', 'console', 'database', 'access', 'pages', 'schedules'] as const;

/** The settings of this replica. */
export function SettingsPage() {
  const { settings: words, frame } = useMessages();
  const { data, error, refetch } = useQuery({
    queryKey: ['settings'],
    queryFn: ({ signal }) => unwrap(api.GET('/v1/settings', { signal })),
  });
  return (
    <>
      <PageHeader title={words.title} description={words.description} />
      <ProblemNotice error={error} onRetry={() => void refetch()} />
      {data === undefined && error === null && (
        <Center mih={200}>
          <Loader aria-label={frame.list.loading} />
        </Center>
      )}
      {data !== undefined && (
        <>
          <Versions settings={data} />
          <div className="two-columns">
            {GROUPS.map((group) => (
              <GroupSection
                key={group}
                title={words.groups[group]}
                settings={data.settings.filter((setting) => setting.group === group)}
              />
            ))}
          </div>
        </>
      )}
    </>
  );
}

function Versions({ settings }: { settings: Settings }) {
  const { settings: words } = useMessages();
  const { meta_version: meta, environment, node_version: node, warnings } = settings;
  return (
    <>
      {warnings.length > 0 && (
        <Alert color="yellow" variant="light" icon={<Icon name="alert" />} title={words.warnings}>
          <List size="sm">
            {warnings.map((warning) => (
              <List.Item key={warning}>{warning}</List.Item>
            ))}
          </List>
        </Alert>
      )}
      <Section title={words.versions}>
        <Facts
          facts={[
            [words.environment, environment],
            [
              words.graphVersion,
              <Group key="graph" gap="xs">
                <span className="id-text">{meta.version}</span>
                {meta.is_over && <Badge color="red">{words.over}</Badge>}
                <Text size="sm" c="dimmed">
                  {meta.ends_on === null ? words.noEnd : fill(words.endsOn, { date: meta.ends_on })}
                </Text>
              </Group>,
            ],
            [words.marketing, meta.marketing_ends_on === null ? words.noEnd : meta.marketing_ends_on],
            [
              words.node,
              <span key="node" className="id-text">
                {node}
              </span>,
            ],
          ]}
        />
      </Section>
    </>
  );
}

function GroupSection({ title, settings }: { title: string; settings: readonly Setting[] }) {
  const { settings: words } = useMessages();
  return (
    <Section flush title={title}>
      <DataTable
        label={title}
        columns={[
          { key: 'name', title: words.name, cell: ({ name }) => <CodeWord>{name}</CodeWord> },
          {
            key: 'value',
            title: words.value,
            cell: ({ value, fingerprint }) =>
              fingerprint !== null ? (
                <Text size="sm" component="span">
                  {words.fingerprint} <span className="id-text">{fingerprint}</span>
                </Text>
              ) : value === null ? (
                <Text size="sm" c="dimmed" component="span">
                  {words.unset}
                </Text>
              ) : (
                <span className="id-text">{value}</span>
              ),
          },
        ]}
        rows={settings}
        rowKey={({ name }) => name}
        empty={null}
      />
    </Section>
  );
}
