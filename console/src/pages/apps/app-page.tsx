import { Alert, Anchor, Button, Center, Group, List, Loader, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation, useParams } from 'wouter';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { useChange } from '../../api/use-change.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { Facts } from '../../components/facts.tsx';
import { Icon } from '../../components/icon.tsx';
import { IdText } from '../../components/id-text.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Section } from '../../components/section.tsx';
import { Time } from '../../components/time.tsx';
import { fill } from '../../messages/messages.ts';
import { useMessages } from '../../messages/use-messages.tsx';
import { useCanManageTenants } from '../../session/use-session.ts';
import { RotateAppSecretDialog } from './app-dialogs.tsx';

type App = Schemas['AppWithMetaResponse'];

const CREDENTIAL_COLORS = { accepted: 'teal', rejected: 'red', unknown: 'yellow' } as const;

export function AppPage() {
  const { apps: words, frame } = useMessages();
  const { id = '' } = useParams<{ id: string }>();
  const canChange = useCanManageTenants();
  const { data, error, refetch } = useQuery({
    queryKey: ['apps', id],
    queryFn: ({ signal }) => unwrap(api.GET('/v1/apps/{app_id}', { params: { path: { app_id: id } }, signal })),
    staleTime: 60_000,
  });
  return (
    <Stack>
      <Anchor component={Link} href="/apps" size="sm">
        <Group gap={4} component="span" display="inline-flex">
          <Icon name="back" size={14} />
          {words.title}
        </Group>
      </Anchor>
      <PageHeader title={data?.name ?? words.one} description={<IdText id={id} />}>
        {data?.source === 'api' && canChange && <AppActions app={data} />}
      </PageHeader>
      <ProblemNotice error={error} onRetry={() => void refetch()} />
      {data === undefined && error === null && (
        <Center mih={200}>
          <Loader aria-label={frame.list.loading} />
        </Center>
      )}
      {data !== undefined && (
        <>
          <MetaSection app={data} />
          <CallbackSection app={data} />
          <AboutSection app={data} />
        </>
      )}
    </Stack>
  );
}

/** What Meta has just reported about the app. */
function MetaSection({ app }: { app: App }) {
  const { apps: words, terms } = useMessages();
  const { credentials, served_version: served, error, subscriptions, missing_settings: missing } = app.meta;
  return (
    <Section title={words.atMeta}>
      <Alert
        color={CREDENTIAL_COLORS[credentials]}
        variant="light"
        icon={<Icon name={credentials === 'accepted' ? 'check' : 'alert'} />}
        title={words.credentials[credentials]}
      >
        {error?.code !== undefined && <Text size="sm">{fill(words.metaError, { code: error.code })}</Text>}
        {served !== null && <Text size="sm">{fill(words.served, { version: served })}</Text>}
      </Alert>
      {missing.length > 0 && (
        <List size="sm">
          {missing.map(({ product, fields }) => (
            <List.Item key={product}>
              {fill(words.missing, { product: terms.products[product], fields: fields.join(', ') })}
            </List.Item>
          ))}
        </List>
      )}
      {subscriptions !== null && subscriptions.length > 0 && (
        <Facts
          facts={subscriptions.map(
            ({ object, fields, active }) => [object, active ? fields.join(', ') : words.inactive] as const,
          )}
        />
      )}
    </Section>
  );
}

/** What to enter in the app's dashboard. */
function CallbackSection({ app }: { app: App }) {
  const { apps: words } = useMessages();
  const { callback_url: url } = app.webhooks;
  return (
    <Section title={words.callbacks} description={words.callbacksDetail}>
      <Facts
        facts={[
          [words.webhook, <IdText key="webhook" id={url} />],
          [words.deauthorize, <IdText key="deauthorize" id={`${url}/deauthorize`} />],
          [words.dataDeletion, <IdText key="deletion" id={`${url}/data-deletion`} />],
        ]}
      />
    </Section>
  );
}

function AboutSection({ app }: { app: App }) {
  const { apps: words, frame } = useMessages();
  return (
    <Section title={words.about}>
      <Facts
        facts={[
          [words.source, words.sources[app.source]],
          [words.tenants, app.tenants.includes('*') ? frame.session.allTenants : app.tenants.join(', ')],
          [words.connections, app.connections],
          [words.version, app.graph_api_version],
          ['Instagram', app.instagram?.app_id],
          ['Threads', app.threads?.app_id],
          [words.added, app.created_at && <Time key="added" at={app.created_at} />],
          [words.changed, app.updated_at && <Time key="changed" at={app.updated_at} />],
        ]}
      />
    </Section>
  );
}

function AppActions({ app }: { app: App }) {
  const { apps: words } = useMessages();
  const [dialog, setDialog] = useState<'secret' | 'delete' | null>(null);
  const [, navigate] = useLocation();
  const close = (): void => setDialog(null);
  const remove = useChange(
    () => unwrap(api.DELETE('/v1/apps/{app_id}', { params: { path: { app_id: app.app_id } } })),
    { changes: [['apps', 'list']], done: () => fill(words.deleted, { name: app.name }) },
  );
  return (
    <>
      <Button variant="default" onClick={() => setDialog('secret')}>
        {words.rotate}
      </Button>
      <Button variant="light" color="red" onClick={() => setDialog('delete')}>
        {words.delete}
      </Button>
      {dialog === 'secret' && <RotateAppSecretDialog appId={app.app_id} onClose={close} />}
      <ConfirmDialog
        opened={dialog === 'delete'}
        title={fill(words.deleteTitle, { name: app.name })}
        confirm={words.delete}
        word={app.name}
        danger
        isPending={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate(undefined, { onSuccess: () => navigate('/apps') })}
        onClose={close}
      >
        <Text size="sm">{words.deletePreview}</Text>
      </ConfirmDialog>
    </>
  );
}
