import { Center, Container, Loader, Modal } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { ConsoleSession } from '../api/client.ts';
import { ProblemNotice } from '../components/problem-notice.tsx';
import { useMessages } from '../messages/use-messages.tsx';
import { useSessionQuery } from './session-query.ts';
import { SignInForm } from './sign-in-form.tsx';
import { SignInPage } from './sign-in-page.tsx';
import { SessionContext } from './use-session.ts';

/**
 * Shows the console to signed-in users. If the session ends, the sign-in opens over the page, which keeps its input.
 */
export function SessionGate(props: { linkError: unknown; children: ReactNode }) {
  const { signIn, frame } = useMessages();
  const { data, error, isPending, refetch } = useSessionQuery();
  const [last, setLast] = useState<ConsoleSession | null>(null);
  if (data !== undefined && data !== null && data !== last) setLast(data);
  if (isPending)
    return (
      <Center mih="100vh">
        <Loader aria-label={frame.list.loading} />
      </Center>
    );
  const session = data ?? last;
  if (session === null)
    return data === null ? (
      <SignInPage linkError={props.linkError} />
    ) : (
      <Container size="xs" py="xl">
        <ProblemNotice error={error} onRetry={() => void refetch()} />
      </Container>
    );
  return (
    <SessionContext value={session}>
      {props.children}
      <Modal
        opened={data === null}
        onClose={() => {}}
        withCloseButton={false}
        closeOnEscape={false}
        title={signIn.expired}
        zIndex={500}
      >
        <SignInForm isOverPage />
      </Modal>
    </SessionContext>
  );
}
