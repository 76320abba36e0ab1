import type { Product } from '../../config/products.ts';
import type { ConnectSessionId } from '../ids.ts';

/** A session whose signup may have led to an announced account: it has no connection. */
export interface CandidateSession {
  id: ConnectSessionId;
  tenant: string;
  product: Product;
  /** A token came by it that is no connection yet. */
  isPending: boolean;
  /** What its browsers reported from the session message, and what it was found to lack before. */
  wabaIds: readonly string[];
  businessIds: readonly string[];
}

/**
 * The session that an announced account belongs to, of candidates that come newest first: the one whose browser named the account, or
 * its portfolio; else the only one that named nothing. Several of one tenant are that tenant's newest. Null where more than one tenant
 * could be meant: no tenant may learn of another's account.
 */
export function chooseSession(
  candidates: readonly CandidateSession[],
  { wabaId, businessId }: { wabaId: string; businessId: string | null },
): CandidateSession | null {
  const named = candidates.filter(({ wabaIds }) => wabaIds.includes(wabaId));
  if (named.length > 0) return newestOfOneTenant(named);
  const silent = candidates.filter(({ wabaIds }) => wabaIds.length === 0);
  const inPortfolio = silent.filter(({ businessIds }) => businessId !== null && businessIds.includes(businessId));
  if (inPortfolio.length > 0) return newestOfOneTenant(inPortfolio);
  return newestOfOneTenant(silent.filter(({ businessIds }) => businessId === null || businessIds.length === 0));
}

function newestOfOneTenant(sessions: readonly CandidateSession[]): CandidateSession | null {
  const [newest] = sessions;
  if (newest === undefined) return null;
  return sessions.every(({ tenant }) => tenant === newest.tenant) ? newest : null;
}
