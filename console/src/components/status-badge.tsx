import { Badge } from '@mantine/core';
import { useMessages } from '../messages/use-messages.tsx';

const STATUS_COLORS = { active: 'teal', reauth_required: 'red', revoked: 'gray' } as const;
const HEALTH_COLORS = { healthy: 'teal', expiring: 'yellow', invalid: 'red', unknown: 'gray' } as const;

type Status = keyof typeof STATUS_COLORS;
type Health = keyof typeof HEALTH_COLORS;

/** A connection's status; the color only repeats the word. */
export function StatusBadge({ status }: { status: Status }) {
  return <Badge color={STATUS_COLORS[status]}>{useMessages().terms.statuses[status]}</Badge>;
}

/** A token's health; the color only repeats the word. */
export function HealthBadge({ health }: { health: Health }) {
  return <Badge color={HEALTH_COLORS[health]}>{useMessages().terms.healths[health]}</Badge>;
}
