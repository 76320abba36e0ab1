import { Anchor, Center, Loader, MantineProvider, Text } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { Suspense, useState } from 'react';
import { Link, Redirect, Route, Router, Switch, useLocation } from 'wouter';
import { createQueryClient } from './api/query-client.ts';
import { PageHeader } from './components/page-header.tsx';
import { NoticeProvider } from './components/use-notice.tsx';
import { ErrorBoundary } from './frame/error-boundary.tsx';
import { Frame } from './frame/frame.tsx';
import type { Locale } from './messages/locale.ts';
import type { Messages } from './messages/messages.ts';
import { LanguageProvider, useMessages } from './messages/use-messages.tsx';
import { isPageFor, PAGES } from './pages.ts';
import { PUBLIC_PATH } from './public-path.ts';
import { SIGNED_IN_PATH } from './session/oidc-address.ts';
import { SessionGate } from './session/session-gate.tsx';
import { SESSION_KEY } from './session/session-query.ts';
import { SignedInPage } from './session/signed-in-page.tsx';
import { useSession } from './session/use-session.ts';
import { cssVariables, THEME } from './theme.ts';

/** The console. `linkError`: why signing in with the one-time link failed. */
export function App(props: { locale: Locale; messages: Messages; nonce: string; linkError: unknown }) {
  const [queryClient] = useState(() => {
    const client = createQueryClient(() => client.setQueryData(SESSION_KEY, null));
    return client;
  });
  return (
    <MantineProvider
      theme={THEME}
      cssVariablesResolver={cssVariables}
      defaultColorScheme="auto"
      getStyleNonce={() => props.nonce}
    >
      <LanguageProvider locale={props.locale} messages={props.messages}>
        <QueryClientProvider client={queryClient}>
          <Router base={`${PUBLIC_PATH}/console`}>
            <NoticeProvider>
              <SessionGate linkError={props.linkError}>
                <Frame>
                  <Pages />
                </Frame>
              </SessionGate>
            </NoticeProvider>
          </Router>
        </QueryClientProvider>
      </LanguageProvider>
    </MantineProvider>
  );
}

function Pages() {
  const { frame } = useMessages();
  const { role } = useSession();
  const [location] = useLocation();
  const pages = PAGES.filter((page) => isPageFor(role, page));
  return (
    <ErrorBoundary resetKey={location}>
      <Suspense
        fallback={
          <Center mih={240}>
            <Loader aria-label={frame.list.loading} />
          </Center>
        }
      >
        <Switch>
          {pages.map(({ path, component: Page }) => (
            <Route key={path} path={path}>
              <Page />
            </Route>
          ))}
          {/* Roles that may not see the overview start at the connections. */}
          <Route path="/">
            <Redirect to="/connections" replace />
          </Route>
          <Route path={SIGNED_IN_PATH}>
            <SignedInPage />
          </Route>
          <Route>
            <PageHeader title={frame.notFound.title} />
            <Text>
              <Anchor component={Link} href="/">
                {frame.notFound.back}
              </Anchor>
            </Text>
          </Route>
        </Switch>
      </Suspense>
    </ErrorBoundary>
  );
}
