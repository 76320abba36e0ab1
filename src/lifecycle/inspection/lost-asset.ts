import { partnerRemovedReason } from '../../connections/assets/partner-removed.ts';
import type { UnverifiedAsset } from '../../connections/assets/unverified-asset.repository.ts';
import { type DeathReason, PARTNER_REMOVED } from '../../connections/status/status-reason.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import type { MetaCause } from '../../platform/problem.ts';

const WHATSAPP_ACCOUNT_LOST = defineErrorCode('status_reason', {
  code: 'whatsapp_account_lost',
  detail: "The owner of a WhatsApp Business Account removed our app's access to it.",
  remedy: 'Ask the owner. To continue, send them through Embedded Signup again; the connection keeps its id.',
});

const PHONE_NUMBER_LOST = defineErrorCode('status_reason', {
  code: 'phone_number_lost',
  detail: 'A phone number is no longer in the WhatsApp Business Account of the connection: it was moved or removed.',
  remedy:
    'Ask the owner of the number. If it is in another account now, connect that account with a new connect session.',
});

const PAGE_LOST = defineErrorCode('status_reason', {
  code: 'page_lost',
  detail: 'Meta no longer gives a token for a Page: the user has no task on it, or it was deleted.',
  remedy: "Restore the user's task on the Page, then connect again; the connection keeps its id.",
});

/** Returns why a connection lost an asset. */
export function lostAssetReason({ type, id, parentId, reason }: UnverifiedAsset, meta: MetaCause): DeathReason {
  const cause = Object.keys(meta).length === 0 ? {} : { meta };
  if (type === 'page') return { ...PAGE_LOST, detail: `Meta no longer gives a token for the Page ${id}.`, ...cause };
  if (type === 'phone_number')
    return {
      ...PHONE_NUMBER_LOST,
      detail: `The phone number ${id} is no longer in the WhatsApp Business Account ${parentId}.`,
      ...cause,
    };
  if (reason === PARTNER_REMOVED) return partnerRemovedReason(id, null, meta);
  return {
    ...WHATSAPP_ACCOUNT_LOST,
    detail: `Our app can no longer reach the WhatsApp Business Account ${id}: its owner removed the app.`,
    ...cause,
  };
}

/**
 * Returns whether a refusal means that the asset is lost: no such object for this token (100, 803), or no permission.
 * Unknown codes take nothing away. Page tokens are requested by a call that leaves out Pages instead of refusing them.
 */
export function isRefusalOfAsset({ type }: Pick<UnverifiedAsset, 'type'>, { code }: MetaCause): boolean {
  if (code === undefined || type === 'page') return false;
  return ASSET_REFUSALS.has(code) || (code >= 200 && code <= 299);
}

const ASSET_REFUSALS: ReadonlySet<number> = new Set([3, 10, 100, 803, 3962, 131005]);
