import { Progress as Bar, Group, Loader, Stack, Text } from '@mantine/core';
import { useEffect, useState } from 'react';
import { fill } from '../../messages/messages.ts';
import { useLanguage, useMessages } from '../../messages/use-messages.tsx';
import type { Progress } from './use-verification.ts';

/** How far a verification is, and how long it will still take at the current rate. */
export function VerificationProgress({ progress }: { progress: Progress | null }) {
  const { audit: words } = useMessages();
  const { locale } = useLanguage();
  if (progress === null || progress.all === 0) return <Preparing />;
  const { done, all, rate } = progress;
  const number = new Intl.NumberFormat(locale);
  const share = done / all;
  const percent = new Intl.NumberFormat(locale, { style: 'percent' }).format(share);
  const text = fill(words.progress, {
    done: number.format(done),
    all: number.format(all),
    percent,
    rate: number.format(rate),
  });
  const left = rate > 0 && done < all ? Math.ceil((all - done) / rate) : null;
  return (
    <Stack gap={6}>
      <Bar value={100 * share} animated aria-label={text} />
      <Text size="sm">{done === all ? words.finishing : text}</Text>
      {left !== null && (
        <Text size="xs" c="dimmed">
          {fill(words.left, { seconds: number.format(left) })}
        </Text>
      )}
    </Stack>
  );
}

/** Entries that are not linked yet are linked first. */
function Preparing() {
  const { audit: words } = useMessages();
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((before) => before + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <Group gap="xs">
      <Loader size="xs" />
      <Text size="sm">{fill(words.verifying, { seconds })}</Text>
    </Group>
  );
}
