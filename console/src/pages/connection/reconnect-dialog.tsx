import { Box, Button, CopyButton, Group, Modal, NativeSelect, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useMemo, useState } from 'react';
import { encode } from 'uqr';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { useIdempotencyKey } from '../../api/use-idempotency-key.ts';
import type { Connection } from '../../components/connection-summary.ts';
import { Icon } from '../../components/icon.tsx';
import { IdText } from '../../components/id-text.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { LOCALE_NAMES, LOCALES } from '../../messages/locale.ts';
import { fill } from '../../messages/messages.ts';
import { useLanguage, useMessages } from '../../messages/use-messages.tsx';
import { formatInstant } from '../../time-format.ts';

type SessionInput = Schemas['CreateSessionRequest'];
type Flow = SessionInput['flow'];

/** The flow to connect an imported connection's product with. */
const FLOWS: Readonly<Record<Connection['product'], Flow>> = {
  whatsapp: 'embedded_signup',
  instagram: 'facebook_login',
  ads: 'facebook_login',
  pages: 'facebook_login',
  threads: 'threads_login',
};

/** Creates a connect session for the same account; its link goes to the customer. */
export function ReconnectDialog({ connection, onClose }: { connection: Connection; onClose: () => void }) {
  const { connection: words, frame } = useMessages();
  const [tenantName, setTenantName] = useState('');
  const [locale, setLocale] = useState<SessionInput['locale']>(undefined);
  const keyFor = useIdempotencyKey();
  const make = useMutation({
    mutationFn: () => {
      const body = sessionInput(connection, tenantName.trim(), locale);
      const header = { 'Idempotency-Key': keyFor(body) };
      return unwrap(api.POST('/v1/connect-sessions', { params: { header }, body }));
    },
    // The link is a secret: it is not kept after the dialog is closed.
    gcTime: 0,
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    make.mutate();
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.reconnect.title}
      closeButtonProps={{ 'aria-label': frame.actions.close }}
      closeOnClickOutside={false}
    >
      {make.data !== undefined ? (
        <MadeLink session={make.data} />
      ) : (
        <form onSubmit={submit}>
          <Stack>
            <Text size="sm">{words.reconnect.preview}</Text>
            <TextInput
              label={words.reconnect.tenantName}
              value={tenantName}
              maxLength={100}
              onChange={(event) => setTenantName(event.currentTarget.value)}
              data-autofocus
            />
            <NativeSelect
              label={words.reconnect.locale}
              value={locale ?? ''}
              data={[
                { value: '', label: words.reconnect.browserLocale },
                ...LOCALES.map((value) => ({ value, label: LOCALE_NAMES[value] })),
              ]}
              onChange={(event) => setLocale(LOCALES.find((each) => each === event.currentTarget.value))}
            />
            <ProblemNotice error={make.error} />
            <Button type="submit" loading={make.isPending}>
              {words.reconnect.make}
            </Button>
          </Stack>
        </form>
      )}
    </Modal>
  );
}

function sessionInput(connection: Connection, tenantName: string, locale: SessionInput['locale']): SessionInput {
  const { flow, product } = connection;
  return {
    tenant: connection.tenant,
    product,
    flow: flow === 'import' ? FLOWS[product] : flow,
    app_id: connection.app_id,
    // Another account would create a new connection instead of repairing this one.
    ...(connection.credentials[0]?.kind === 'system_user'
      ? {}
      : { expected: { meta_user_id: connection.meta_user_id } }),
    confirm: true,
    ...(tenantName === '' ? {} : { tenant_name: tenantName }),
    ...(locale === undefined ? {} : { locale }),
  };
}

function MadeLink({ session }: { session: Schemas['ConnectSessionResponse'] }) {
  const { locale, messages } = useLanguage();
  const { connection, frame } = messages;
  const { reconnect: words } = connection;
  return (
    <Stack>
      <Group align="flex-end" gap="xs" wrap="nowrap">
        <TextInput label={words.link} value={session.connect_url} readOnly flex={1} onFocus={selectAll} />
        <CopyButton value={session.connect_url}>
          {({ copied, copy }) => (
            <Button variant="default" onClick={copy} leftSection={<Icon name={copied ? 'check' : 'copy'} size={16} />}>
              {copied ? frame.actions.copied : frame.actions.copy}
            </Button>
          )}
        </CopyButton>
      </Group>
      <QrCode text={session.connect_url} label={words.qr} />
      <Text size="sm" c="dimmed" ta="center">
        {fill(words.expires, { time: formatInstant(new Date(session.expires_at), locale) })}
      </Text>
      <Text size="xs" c="dimmed" ta="center" component="div">
        {words.session}: <IdText id={session.id} />
      </Text>
    </Stack>
  );
}

function selectAll(event: { currentTarget: HTMLInputElement }): void {
  event.currentTarget.select();
}

/** Black on white even in dark mode: some cameras read nothing else. */
function QrCode({ text, label }: { text: string; label: string }) {
  const { size, path } = useMemo(() => {
    const { data, size: width } = encode(text, { ecc: 'M', border: 2 });
    const dark = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])));
    return { size: width, path: dark.join('') };
  }, [text]);
  return (
    <Box mx="auto" w={220} maw="100%">
      <svg viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges" width="100%">
        <rect width={size} height={size} fill="#fff" rx={1} />
        <path d={path} fill="#000" />
      </svg>
    </Box>
  );
}
