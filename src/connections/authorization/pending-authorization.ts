import type { ClientId } from '../../auth/ids.ts';
import type { Product } from '../../config/config.ts';
import type { Id } from '../../platform/ids.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { ClaimId, PendingAuthorizationId } from '../ids.ts';

export type PendingAuthorizationStage = 'exchanged' | 'long_lived';

/** A token that Meta gave and that belongs to no connection yet, claimed (`claimId`). */
export interface PendingAuthorization {
  id: PendingAuthorizationId;
  tenant: string;
  product: Product;
  flow: string;
  /** The connect session and the browser's attempt that it came by; null for tokens that a client handed in. */
  sessionId: Id<'cns'> | null;
  stateHash: Buffer | null;
  /** The client that asked for it. */
  requestedBy: ClientId | null;
  stage: PendingAuthorizationStage;
  secretId: SecretId;
  /** As Meta's response said; null where it said nothing, or never. */
  expiresAt: Date | null;
  /** What the flow knows besides: ids from Embedded Signup, declared kinds. Never a token. */
  hints: Record<string, unknown>;
  attempts: number;
  claimId: ClaimId;
  createdAt: Date;
}

export type NewPendingAuthorization = Pick<
  PendingAuthorization,
  'tenant' | 'product' | 'flow' | 'sessionId' | 'stateHash' | 'requestedBy' | 'stage' | 'expiresAt' | 'hints'
> & { token: SecretString };
