import { Alert, Stack, Text } from '@mantine/core';
import type { Connection } from '../../components/connection-summary.ts';
import { Icon } from '../../components/icon.tsx';
import { fill } from '../../messages/messages.ts';
import { useLanguage } from '../../messages/use-messages.tsx';
import { formatInstant } from '../../time-format.ts';

/** Why the connection has its status, and the remedy, in the service's words. */
export function ReasonNotice({ connection }: { connection: Connection }) {
  const { locale, messages } = useLanguage();
  const { connection: words } = messages;
  const reason = connection.status_reason;
  if (reason === null) return null;
  const isDown = connection.status !== 'active';
  return (
    <Alert
      color={isDown ? 'red' : 'yellow'}
      variant="light"
      icon={<Icon name="alert" />}
      title={<span lang="en">{reason.detail}</span>}
    >
      <Stack gap={4}>
        <Text size="sm" lang="en">
          {words.remedy}: {reason.remedy}
        </Text>
        <Text size="xs">
          <span className="id-text">{reason.code}</span>
          {' · '}
          {fill(words.reason, { time: formatInstant(new Date(reason.since_at), locale) })}
          {reason.meta?.code !== undefined && ` · ${fill(words.meta, { code: metaCode(reason.meta) })}`}
        </Text>
      </Stack>
    </Alert>
  );
}

function metaCode({ code, subcode }: { code?: number; subcode?: number }): string {
  return subcode === undefined ? String(code) : `${code}/${subcode}`;
}
