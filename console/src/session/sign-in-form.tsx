import { Button, Divider, Loader, PasswordInput, Stack, Text } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useLocation, useSearchParams } from 'wouter';
import type { SignInMethods } from '../api/client.ts';
import { ProblemNotice } from '../components/problem-notice.tsx';
import { fill } from '../messages/messages.ts';
import { useMessages } from '../messages/use-messages.tsx';
import { PUBLIC_PATH } from '../public-path.ts';
import { oidcAddress, pagePath, SIGNED_IN_PATH } from './oidc-address.ts';
import { useKeySignIn, useSignInMethods } from './session-query.ts';

/** The enabled ways to sign in. Over a page, the issuer opens in another tab, so that the page stays. */
export function SignInForm({ isOverPage = false }: { isOverPage?: boolean }) {
  const { signIn: words } = useMessages();
  const methods = useSignInMethods();
  if (methods.data === undefined)
    return methods.isError ? (
      <ProblemNotice error={methods.error} onRetry={() => void methods.refetch()} />
    ) : (
      <Loader size="sm" />
    );
  const { key, oidc } = methods.data;
  return (
    <Stack>
      {isOverPage && <Text size="sm">{words.expiredDetail}</Text>}
      {oidc !== null && <OidcButton oidc={oidc} isOverPage={isOverPage} />}
      {oidc !== null && key && <Divider label={words.or} />}
      {key && <KeyForm isSecond={oidc !== null} />}
      {!key && oidc === null && (
        <Text size="sm">
          {words.nothing}. {words.nothingRemedy}
        </Text>
      )}
    </Stack>
  );
}

function OidcButton(props: { oidc: NonNullable<SignInMethods['oidc']>; isOverPage: boolean }) {
  const { signIn: words } = useMessages();
  const [location] = useLocation();
  const [search] = useSearchParams();
  const [isWaiting, setIsWaiting] = useState(false);
  if (!props.isOverPage)
    return (
      <Button component="a" href={oidcAddress(PUBLIC_PATH, pagePath(location, search), false)} fullWidth>
        {fill(words.withOidc, { name: props.oidc.name })}
      </Button>
    );
  return (
    <>
      <Button
        component="a"
        href={oidcAddress(PUBLIC_PATH, SIGNED_IN_PATH, false)}
        target="_blank"
        rel="noopener"
        fullWidth
        onClick={() => setIsWaiting(true)}
      >
        {fill(words.withOidcInTab, { name: props.oidc.name })}
      </Button>
      {isWaiting && (
        <Text size="sm" c="dimmed">
          {words.waitingForTab}
        </Text>
      )}
    </>
  );
}

function KeyForm({ isSecond }: { isSecond: boolean }) {
  const { signIn: words } = useMessages();
  const [key, setKey] = useState('');
  const { mutate, isPending, error } = useKeySignIn();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    mutate(key.trim(), { onSuccess: () => setKey('') });
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <PasswordInput
          label={words.key}
          description={words.keyDescription}
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
          required
          withAsterisk={false}
          data-autofocus
        />
        <ProblemNotice error={error} />
        <Button type="submit" loading={isPending} variant={isSecond ? 'default' : 'filled'} fullWidth>
          {words.submit}
        </Button>
      </Stack>
    </form>
  );
}
