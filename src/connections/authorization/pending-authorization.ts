import type { Product } from '../../config/config.ts';
import type { SecretString } from '../../platform/secret-string.ts';

export type PendingAuthorizationStage = 'exchanged' | 'long_lived';

/** A token that Meta gave and that belongs to no connection yet, claimed (`claimId`). */
export interface PendingAuthorization {
  id: string;
  tenant: string;
  product: Product;
  flow: string;
  /** The connect session and the browser's attempt that it came by; null for tokens that a client handed in. */
  sessionId: string | null;
  stateHash: Buffer | null;
  /** The client that asked for it. */
  requestedBy: string | null;
  stage: PendingAuthorizationStage;
  secretId: string;
  /** As Meta's response said; null where it said nothing, or never. */
  expiresAt: Date | null;
  /** What the flow knows besides: ids from Embedded Signup, declared kinds. Never a token. */
  hints: Record<string, unknown>;
  attempts: number;
  claimId: string;
  createdAt: Date;
}

export type NewPendingAuthorization = Pick<
  PendingAuthorization,
  'tenant' | 'product' | 'flow' | 'sessionId' | 'stateHash' | 'requestedBy' | 'stage' | 'expiresAt' | 'hints'
> & { token: SecretString };
