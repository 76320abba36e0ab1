import { Badge, Group } from '@mantine/core';
import type { Schemas } from '../../api/client.ts';
import { useMessages } from '../../messages/use-messages.tsx';

const COLORS = { active: 'teal', paused: 'gray', ended: 'red' } as const;

/** Whether it gets events, and whether the last one failed. */
export function SubscriptionState({ subscription }: { subscription: Schemas['SubscriptionResponse'] }) {
  const { subscriptions: words } = useMessages();
  const { status, failing_since: failingSince } = subscription;
  const known = status === 'paused' || status === 'ended' ? status : 'active';
  return (
    <Group gap={6}>
      <Badge color={COLORS[known]}>{words.states[known]}</Badge>
      {failingSince !== null && known === 'active' && <Badge color="red">{words.failing}</Badge>}
    </Group>
  );
}
