import { Text } from '@mantine/core';
import type { Connection } from '../../components/connection-summary.ts';
import { Fact, FactList } from '../../components/fact-list.tsx';
import { IdText } from '../../components/id-text.tsx';
import { Section } from '../../components/section.tsx';
import { Time } from '../../components/time.tsx';
import { useMessages } from '../../messages/use-messages.tsx';

/** What is known about a connection, besides its tokens. */
export function FactsSection({ connection }: { connection: Connection }) {
  const { connection: page, terms, frame } = useMessages();
  const { facts: words } = page;
  const { provider_revocation: revocation } = connection;
  const metadata = Object.entries(connection.metadata);
  return (
    <Section title={words.title}>
      <FactList>
        {connection.reference !== null && <Fact term={words.reference}>{connection.reference}</Fact>}
        <Fact term={words.flow}>{terms.flows[connection.flow]}</Fact>
        <Fact term={words.metaUser}>
          <IdText id={connection.meta_user_id} />
        </Fact>
        <Fact term={words.app}>
          <IdText id={connection.app_id} />
        </Fact>
        <Fact term={words.graphVersion}>{connection.graph_api_version}</Fact>
        <Fact term={words.dataAccess}>
          <Time at={connection.data_access_expires_at} otherwise={frame.time.never} />
        </Fact>
        <Fact term={words.created}>
          <Time at={connection.created_at} />
        </Fact>
        {connection.revoked_at !== null && (
          <Fact term={words.revoked}>
            <Time at={connection.revoked_at} />
          </Fact>
        )}
        {revocation !== null && <Fact term={words.providerRevocation}>{terms.revocations[revocation]}</Fact>}
        <Fact term={words.scopes}>
          <Scopes scopes={connection.scopes} />
        </Fact>
        {connection.declined_scopes.length > 0 && (
          <Fact term={words.declined}>
            <Scopes scopes={connection.declined_scopes} />
          </Fact>
        )}
        {metadata.length > 0 && (
          <Fact term={words.metadata}>
            {metadata.map(([key, value]) => (
              <Text key={key} size="sm" className="id-text">
                {key}: {value}
              </Text>
            ))}
          </Fact>
        )}
      </FactList>
    </Section>
  );
}

function Scopes({ scopes }: { scopes: readonly string[] }) {
  return <span className="id-text">{scopes.join(', ') || '–'}</span>;
}
