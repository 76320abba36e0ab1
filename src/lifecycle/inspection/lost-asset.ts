import { partnerRemovedReason } from '../../connections/assets/partner-removed.ts';
import type { UnverifiedAsset } from '../../connections/assets/unverified-asset.repository.ts';
import { type DeathReason, PARTNER_REMOVED } from '../../connections/status/status-reason.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import type { MetaCause } from '../../platform/problem.ts';

const WHATSAPP_ACCOUNT_LOST = defineErrorCode('status_reason', {
  code: 'whatsapp_account_lost',
  detail: 'The owner of a WhatsApp Business Account took it away from our app.',
  remedy:
    'Ask the owner, and send them through Embedded Signup again where they want to go on; the connection keeps its id.',
});

const PHONE_NUMBER_LOST = defineErrorCode('status_reason', {
  code: 'phone_number_lost',
  detail: 'A phone number is no longer in the WhatsApp Business Account of the connection: it was moved or removed.',
  remedy:
    'Ask the owner of the number; where it lies in another account of theirs, connect that account by a new connect session.',
});

const PAGE_LOST = defineErrorCode('status_reason', {
  code: 'page_lost',
  detail: 'Meta gives no token for a Page any more: the user has no task on it, or it has been deleted.',
  remedy: 'Give the user a task on the Page back, then connect again; the connection keeps its id.',
});

/** Why an asset that was looked at again is gone from its connection. */
export function lostAssetReason({ type, id, parentId, reason }: UnverifiedAsset, meta: MetaCause): DeathReason {
  const cause = Object.keys(meta).length === 0 ? {} : { meta };
  if (type === 'page') return { ...PAGE_LOST, detail: `Meta gives no token for the Page ${id} any more.`, ...cause };
  if (type === 'phone_number')
    return {
      ...PHONE_NUMBER_LOST,
      detail: `The phone number ${id} is no longer in the WhatsApp Business Account ${parentId}.`,
      ...cause,
    };
  if (reason === PARTNER_REMOVED) return partnerRemovedReason(id, null, meta);
  return {
    ...WHATSAPP_ACCOUNT_LOST,
    detail: `Our app may no longer reach the WhatsApp Business Account ${id}: its owner took the app away.`,
    ...cause,
  };
}

/**
 * Whether a refused question was about the asset: no such object for this token (100, 803), or no permission for it. An unknown code takes
 * nothing away, and a Page's token is asked for by a call that leaves out the Pages it may not show.
 */
export function isRefusalOfAsset({ type }: Pick<UnverifiedAsset, 'type'>, { code }: MetaCause): boolean {
  if (code === undefined || type === 'page') return false;
  return ASSET_REFUSALS.has(code) || (code >= 200 && code <= 299);
}

const ASSET_REFUSALS: ReadonlySet<number> = new Set([3, 10, 100, 803, 3962, 131005]);
