import { Notification, Portal, Stack } from '@mantine/core';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from 'react';
import { useMessages } from '../messages/use-messages.tsx';
import { Icon } from './icon.tsx';

const SHOWN_MS = 5_000;

const NoticeContext = createContext<(text: string) => void>(() => {});

/** Shows a success briefly, and announces it to screen readers. */
export function NoticeProvider({ children }: { children: ReactNode }) {
  const { actions } = useMessages().frame;
  const [notice, setNotice] = useState<{ text: string } | null>(null);
  const show = useCallback((text: string) => setNotice({ text }), []);
  useEffect(() => {
    if (notice === null) return;
    const timer = setTimeout(() => setNotice(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [notice]);
  return (
    <NoticeContext value={show}>
      {children}
      <Portal>
        <Stack pos="fixed" bottom={16} right={16} maw="calc(100vw - 32px)" style={{ zIndex: 400 }} aria-live="polite">
          {notice !== null && (
            <Notification
              color="teal"
              icon={<Icon name="check" />}
              withBorder
              onClose={() => setNotice(null)}
              closeButtonProps={{ 'aria-label': actions.close }}
            >
              {notice.text}
            </Notification>
          )}
        </Stack>
      </Portal>
    </NoticeContext>
  );
}

/** Returns the function that reports a success. */
export function useNotice(): (text: string) => void {
  return useContext(NoticeContext);
}
