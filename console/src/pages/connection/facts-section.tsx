import { Text } from '@mantine/core';
import { CodeWord } from '../../components/code-word.tsx';
import type { Connection } from '../../components/connection-summary.ts';
import { Facts } from '../../components/facts.tsx';
import { IdText } from '../../components/id-text.tsx';
import { Section } from '../../components/section.tsx';
import { Time } from '../../components/time.tsx';
import { useMessages } from '../../messages/use-messages.tsx';

/** What is known about a connection apart from its tokens. */
export function FactsSection({ connection }: { connection: Connection }) {
  const { connection: page, terms, frame } = useMessages();
  const { facts: words } = page;
  const { provider_revocation: revocation, revoked_at: revokedAt, declined_scopes: declined } = connection;
  return (
    <Section title={words.title}>
      <Facts
        facts={[
          [words.reference, connection.reference],
          [words.flow, terms.flows[connection.flow]],
          [words.metaUser, <IdText key="user" id={connection.meta_user_id} />],
          [words.app, <IdText key="app" id={connection.app_id} />],
          [words.graphVersion, connection.graph_api_version],
          [words.dataAccess, <Time key="data" at={connection.data_access_expires_at} otherwise={frame.time.never} />],
          [words.created, <Time key="created" at={connection.created_at} />],
          [words.revoked, revokedAt && <Time key="revoked" at={revokedAt} />],
          [words.providerRevocation, revocation && terms.revocations[revocation]],
          [words.scopes, <Scopes key="scopes" scopes={connection.scopes} />],
          [words.declined, declined.length === 0 ? null : <Scopes key="declined" scopes={declined} />],
          [words.metadata, <Metadata key="metadata" metadata={connection.metadata} />],
        ]}
      />
    </Section>
  );
}

function Scopes({ scopes }: { scopes: readonly string[] }) {
  if (scopes.length === 0) return '–';
  return scopes.map((scope) => (
    <div key={scope}>
      <CodeWord>{scope}</CodeWord>
    </div>
  ));
}

function Metadata({ metadata }: Pick<Connection, 'metadata'>) {
  const pairs = Object.entries(metadata);
  if (pairs.length === 0) return '–';
  return pairs.map(([key, value]) => (
    <Text key={key} size="sm" className="id-text">
      {key}: {value}
    </Text>
  ));
}
