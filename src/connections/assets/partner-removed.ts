import { defineErrorCode } from '../../platform/error-code.ts';
import type { MetaCause } from '../../platform/problem.ts';
import { type DeathReason, PARTNER_REMOVED } from '../status/status-reason.ts';

const { remedy } = defineErrorCode('status_reason', {
  code: PARTNER_REMOVED,
  detail: 'A WhatsApp Business Account is no longer shared with our app: its owner disconnected it, or WhatsApp did.',
  remedy:
    'Ask the owner, and send them through Embedded Signup again where they want to go on; the connection keeps its id.',
});

/** By Meta's `disconnection_info.reason` (docs/meta-facts.md). */
const CAUSES: ReadonlyMap<string, string> = new Map([
  ['PRIMARY_INACTIVITY', 'the phone with the WhatsApp Business app was not used for too long'],
  ['COMPANION_INACTIVITY', 'the connection beside the WhatsApp Business app was not used for too long'],
  ['BUSINESS_DOWNGRADE', 'the business went back to a plan without it'],
]);

/** `cause`: Meta's word for why, which only some events have. */
export function partnerRemovedReason(accountId: string, cause: string | null, meta: MetaCause = {}): DeathReason {
  const why = cause === null ? undefined : CAUSES.get(cause);
  return {
    code: PARTNER_REMOVED,
    detail: `The WhatsApp Business Account ${accountId} is no longer shared with our app: ${why ?? 'its owner disconnected it'}.`,
    remedy,
    ...(Object.keys(meta).length === 0 ? {} : { meta }),
  };
}
