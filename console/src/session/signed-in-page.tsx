import { Anchor } from '@mantine/core';
import { Link } from 'wouter';
import { EmptyState } from '../components/empty-state.tsx';
import { useDocumentTitle } from '../frame/use-document-title.ts';
import { useMessages } from '../messages/use-messages.tsx';

/** The end of a sign-in in a separate tab. */
export function SignedInPage() {
  const { signIn: words } = useMessages();
  useDocumentTitle(words.signedIn);
  return (
    <EmptyState icon="check" title={words.signedIn} detail={words.signedInDetail}>
      <Anchor component={Link} href="/">
        {words.toOverview}
      </Anchor>
    </EmptyState>
  );
}
