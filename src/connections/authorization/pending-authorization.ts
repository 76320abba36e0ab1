import type { CallerId } from '../../auth/ids.ts';
import type { Product } from '../../config/config.ts';
import type { Id } from '../../platform/ids.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { ClaimId, PendingAuthorizationId } from '../ids.ts';

export type PendingAuthorizationStage = 'exchanged' | 'long_lived';

/** A token from Meta that belongs to no connection yet, claimed under `claimId`. */
export interface PendingAuthorization {
  id: PendingAuthorizationId;
  tenant: string;
  product: Product;
  flow: string;
  /** The connect session and browser attempt it came from; null if a client supplied the token. */
  sessionId: Id<'cns'> | null;
  stateHash: Buffer | null;
  /** The client that requested it. */
  requestedBy: CallerId | null;
  stage: PendingAuthorizationStage;
  secretId: SecretId;
  /** From Meta's response; null: not stated, or never. */
  expiresAt: Date | null;
  /** Other knowledge of the flow: ids from Embedded Signup, declared kinds. Never a token. */
  hints: Record<string, unknown>;
  attempts: number;
  claimId: ClaimId;
  createdAt: Date;
}

export type NewPendingAuthorization = Pick<
  PendingAuthorization,
  'tenant' | 'product' | 'flow' | 'sessionId' | 'stateHash' | 'requestedBy' | 'stage' | 'expiresAt' | 'hints'
> & { token: SecretString };
