import { credentialKindRules } from '../../connections/credentials/credential-kind-rules.ts';
import { computeRefreshAfter, type RefreshSettings } from '../../connections/credentials/credential-schedule.ts';
import type { CredentialSnapshot } from '../../connections/credentials/credential-snapshot.ts';
import type { RotationTerms } from '../refresh/refreshed-token-promoter.ts';

type RotationFacts = Pick<
  CredentialSnapshot,
  'kind' | 'isRoot' | 'issuedAt' | 'storedAt' | 'expiresAt' | 'pending' | 'rotationRequest'
>;

export function isRotatable({ kind, isRoot }: Pick<CredentialSnapshot, 'kind' | 'isRoot'>): boolean {
  return isRoot && credentialKindRules(kind).isRotatable;
}

/**
 * Returns whether a rotation is due: one that has begun, was requested, or is due by age (ROTATE_SYSTEM_USERS_DAYS). A
 * pending refresh comes first, so that its token is not wasted.
 */
export function isRotationDue(credential: RotationFacts, settings: RefreshSettings, now: Date): boolean {
  if (!isRotatable(credential)) return false;
  if (credential.pending !== null) return credential.pending.origin === 'rotation';
  if (credential.rotationRequest !== null) return true;
  if (credential.expiresAt !== null) return false;
  const dueAt = computeRefreshAfter(credential, settings);
  return dueAt !== null && dueAt <= now;
}

/** The new token expires if the old one does, unless requested otherwise. */
export function rotationTerms({
  expiresAt,
  rotationRequest,
}: Pick<CredentialSnapshot, 'expiresAt' | 'rotationRequest'>): RotationTerms {
  return { mayExpire: rotationRequest?.expires ?? expiresAt !== null, waitsForLeases: rotationRequest === null };
}
