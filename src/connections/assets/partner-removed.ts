import { defineErrorCode } from '../../platform/error-code.ts';
import type { MetaCause } from '../../platform/problem.ts';
import { type DeathReason, PARTNER_REMOVED } from '../status/status-reason.ts';

const { remedy } = defineErrorCode('status_reason', {
  code: PARTNER_REMOVED,
  detail: 'A WhatsApp Business Account is no longer shared with our app: its owner or WhatsApp disconnected it.',
  remedy:
    'Ask the owner. If they want to continue, send them through Embedded Signup again; the connection keeps its id.',
});

/** Keys: Meta's `disconnection_info.reason` (docs/meta-facts.md#partner_removed). */
const CAUSES: ReadonlyMap<string, string> = new Map([
  ['PRIMARY_INACTIVITY', 'the phone with the WhatsApp Business app was inactive for too long'],
  ['COMPANION_INACTIVITY', 'the link to the WhatsApp Business app was inactive for too long'],
  ['BUSINESS_DOWNGRADE', 'the business downgraded to a plan without it'],
]);

/** `cause`: Meta's reason, given only in some events. */
export function partnerRemovedReason(accountId: string, cause: string | null, meta: MetaCause = {}): DeathReason {
  const why = cause === null ? undefined : CAUSES.get(cause);
  return {
    code: PARTNER_REMOVED,
    detail: `The WhatsApp Business Account ${accountId} is no longer shared with our app: ${why ?? 'its owner disconnected it'}.`,
    remedy,
    ...(Object.keys(meta).length === 0 ? {} : { meta }),
  };
}
