import { AppShell, Burger, Group, NavLink, ScrollArea, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { type ReactNode, useEffect, useRef } from 'react';
import { Link, useLocation } from 'wouter';
import { Icon } from '../components/icon.tsx';
import { useMessages } from '../messages/use-messages.tsx';
import { isPageFor, PAGE_GROUPS, PAGES, type PageEntry } from '../pages.ts';
import { useSession } from '../session/use-session.ts';
import { Mark } from './mark.tsx';
import { SessionMenu } from './session-menu.tsx';

/** The frame around every page: the navigation, and who is signed in. */
export function Frame({ children }: { children: ReactNode }) {
  const { navigation: words } = useMessages().frame;
  const [isOpen, { toggle, close }] = useDisclosure();
  const content = useFocusOnNavigation(close);
  return (
    <>
      <a className="skip-link" href="#content">
        {words.skip}
      </a>
      <AppShell
        layout="alt"
        navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: !isOpen } }}
        header={{ height: { base: 52, sm: 0 } }}
        padding={{ base: 'md', sm: 'xl' }}
      >
        <AppShell.Header hiddenFrom="sm" px="md">
          <Group h="100%" gap="sm">
            <Burger opened={isOpen} onClick={toggle} size="sm" aria-label={words.open} aria-expanded={isOpen} />
            <Brand />
          </Group>
        </AppShell.Header>
        <AppShell.Navbar bg="var(--console-surface)" aria-label={words.label}>
          <AppShell.Section p="md">
            <Group justify="space-between">
              <Brand />
              <Burger opened onClick={close} size="sm" hiddenFrom="sm" aria-label={words.close} />
            </Group>
          </AppShell.Section>
          <AppShell.Section grow component={ScrollArea} px="xs">
            <Navigation />
          </AppShell.Section>
          <AppShell.Section p="xs" style={{ borderTop: '1px solid var(--console-line)' }}>
            <SessionMenu />
          </AppShell.Section>
        </AppShell.Navbar>
        <AppShell.Main id="content" tabIndex={-1} ref={content}>
          <Stack maw={1240} mx="auto">
            {children}
          </Stack>
        </AppShell.Main>
      </AppShell>
    </>
  );
}

function Brand() {
  return (
    <Group gap="xs">
      <Mark size={24} />
      <Text fw={650}>Metavault</Text>
    </Group>
  );
}

function Navigation() {
  const { frame, pages } = useMessages();
  const { role } = useSession();
  const isShown = (page: PageEntry): boolean => page.icon !== undefined && isPageFor(role, page);
  return PAGE_GROUPS.map((group) => {
    const entries = PAGES.filter((page) => page.group === group && isShown(page));
    if (entries.length === 0) return null;
    return (
      <Stack key={group} gap={2} mb="md">
        <Text size="xs" c="dimmed" fw={550} px="sm" pb={2}>
          {frame.navigation[group]}
        </Text>
        {entries.map((page) => (
          <PageLink key={page.path} page={page} label={pages[page.name]} />
        ))}
      </Stack>
    );
  });
}

function PageLink({ page, label }: { page: PageEntry; label: string }) {
  const [location] = useLocation();
  const isActive = page.path === '/' ? location === '/' : `${location}/`.startsWith(`${page.path}/`);
  return (
    <NavLink
      component={Link}
      href={page.path}
      label={label}
      leftSection={page.icon && <Icon name={page.icon} />}
      active={isActive}
      aria-current={isActive ? 'page' : undefined}
      py={6}
      style={{ borderRadius: 'var(--mantine-radius-md)' }}
    />
  );
}

/** A new page begins at its top, with the focus on its content, for screen readers and the keyboard. */
function useFocusOnNavigation(onNavigate: () => void) {
  const [location] = useLocation();
  const content = useRef<HTMLElement>(null);
  const last = useRef(location);
  useEffect(() => {
    if (last.current === location) return;
    last.current = location;
    onNavigate();
    content.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [location, onNavigate]);
  return content;
}
