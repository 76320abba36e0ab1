import type { Product } from '../../config/products.ts';
import type { ConnectSessionId } from '../ids.ts';

/** A session without a connection whose signup may have created an announced account. */
export interface CandidateSession {
  id: ConnectSessionId;
  tenant: string;
  product: Product;
  /** A token arrived that is not a connection yet. */
  isPending: boolean;
  /** Ids that its browsers reported from session messages, and those found missing before. */
  wabaIds: readonly string[];
  businessIds: readonly string[];
}

/**
 * Picks the session of an announced account, from candidates sorted newest first: the one whose browser named the
 * account or its portfolio, else the only one that named nothing. If several match, the tenant's newest. Null if they
 * belong to more than one tenant: no tenant may learn of another's account.
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
