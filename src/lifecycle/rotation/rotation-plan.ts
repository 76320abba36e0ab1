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
 * Whether what is due of a credential is a rotation: one that is under way, that somebody asked for, or that its age makes due
 * (ROTATE_SYSTEM_USERS_DAYS). A refresh that is under way comes first: what Meta gave is not thrown away.
 */
export function isRotationDue(credential: RotationFacts, settings: RefreshSettings, now: Date): boolean {
  if (!isRotatable(credential)) return false;
  if (credential.pending !== null) return credential.pending.origin === 'rotation';
  if (credential.rotationRequest !== null) return true;
  if (credential.expiresAt !== null) return false;
  const dueAt = computeRefreshAfter(credential, settings);
  return dueAt !== null && dueAt <= now;
}

/** Tokens with an end get one with an end again, others none, unless something else was asked for. */
export function rotationTerms({
  expiresAt,
  rotationRequest,
}: Pick<CredentialSnapshot, 'expiresAt' | 'rotationRequest'>): RotationTerms {
  return { mayExpire: rotationRequest?.expires ?? expiresAt !== null, waitsForLeases: rotationRequest === null };
}
