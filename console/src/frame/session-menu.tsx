import {
  Avatar,
  Button,
  Divider,
  Group,
  Popover,
  SegmentedControl,
  Stack,
  Text,
  UnstyledButton,
  useMantineColorScheme,
} from '@mantine/core';
import { Icon } from '../components/icon.tsx';
import { ProblemNotice } from '../components/problem-notice.tsx';
import { fill } from '../messages/messages.ts';
import { useLanguage } from '../messages/use-messages.tsx';
import { useSignOut } from '../session/session-query.ts';
import { useSession } from '../session/use-session.ts';
import { formatInstant } from '../time-format.ts';
import { LanguageSelect } from './language-select.tsx';

/** Who is signed in, until when, and their display settings. */
export function SessionMenu() {
  const { locale, messages } = useLanguage();
  const { session: words } = messages.frame;
  const session = useSession();
  const signOut = useSignOut();
  const tenants = session.tenants.includes('*') ? words.allTenants : session.tenants.join(', ');
  return (
    <Popover position="top-start" width={280} shadow="md" trapFocus>
      <Popover.Target>
        <UnstyledButton w="100%" p="xs" title={words.menu}>
          <Group gap="sm" wrap="nowrap">
            <Avatar name={session.name} size="md" radius="xl" color="indigo" aria-hidden />
            <div style={{ minWidth: 0 }}>
              <Text size="sm" fw={550} truncate>
                {session.name}
              </Text>
              <Text size="xs" c="dimmed" truncate>
                {words.roles[session.role]}
              </Text>
            </div>
          </Group>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="sm">
          <div>
            <Text size="sm" fw={550}>
              {session.name}
            </Text>
            <Text size="xs" c="dimmed">
              {words.roles[session.role]} · {tenants}
            </Text>
            <Text size="xs" c="dimmed">
              {fill(words.endsAt, { time: formatInstant(new Date(session.expires_at), locale) })}
            </Text>
          </div>
          <Divider />
          <ColorSchemeControl />
          <LanguageSelect />
          <ProblemNotice error={signOut.error} />
          <Button
            variant="default"
            leftSection={<Icon name="signOut" />}
            loading={signOut.isPending}
            onClick={() => signOut.mutate()}
          >
            {words.signOut}
          </Button>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

function ColorSchemeControl() {
  const { session: words } = useLanguage().messages.frame;
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <SegmentedControl
      fullWidth
      size="xs"
      aria-label={words.colorScheme}
      value={colorScheme}
      onChange={(scheme) => {
        if (scheme === 'light' || scheme === 'dark' || scheme === 'auto') setColorScheme(scheme);
      }}
      data={[
        { value: 'auto', label: words.auto },
        { value: 'light', label: words.light },
        { value: 'dark', label: words.dark },
      ]}
    />
  );
}
