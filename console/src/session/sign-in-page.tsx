import { Alert, Center, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'wouter';
import { api, unwrap } from '../api/client.ts';
import { ProblemNotice } from '../components/problem-notice.tsx';
import { LanguageSelect } from '../frame/language-select.tsx';
import { Mark } from '../frame/mark.tsx';
import { useDocumentTitle } from '../frame/use-document-title.ts';
import { fill } from '../messages/messages.ts';
import { useMessages } from '../messages/use-messages.tsx';
import { SignInForm } from './sign-in-form.tsx';

/** Shown at any URL while not signed in; the URL stays, so that its page follows. */
export function SignInPage({ linkError }: { linkError: unknown }) {
  const { signIn: words } = useMessages();
  useDocumentTitle(words.title);
  return (
    <Center component="main" mih="100vh" p="md">
      <Stack w="100%" maw={400} gap="lg">
        <Stack align="center" gap="xs">
          <Mark size={44} />
          <Title order={1} size="h3" ta="center">
            {words.title}
          </Title>
        </Stack>
        <ProblemNotice error={linkError} />
        <IssuerError />
        <Paper p="lg" shadow="xs">
          <SignInForm />
        </Paper>
        <Group justify="center">
          <LanguageSelect />
        </Group>
      </Stack>
    </Center>
  );
}

/** Why the sign-in at the issuer failed, in the words of the problem's page. */
function IssuerError() {
  const { signIn: words } = useMessages();
  const [search] = useSearchParams();
  const code = search.get('sign_in_error');
  const { data } = useQuery({
    queryKey: ['problem', code],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/problems/{code}', {
          params: { path: { code: code ?? '' } },
          headers: { accept: 'application/json' },
          signal,
        }),
      ),
    enabled: code !== null,
  });
  if (code === null) return null;
  const problem = typeof data === 'object' ? data : undefined;
  return (
    <Alert color="red" variant="light" title={problem?.title ?? words.errors.heading} role="alert">
      <Text size="sm">{problem?.remedy ?? fill(words.errors.other, { code })}</Text>
    </Alert>
  );
}
