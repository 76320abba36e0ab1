import type { ClientId } from '../auth/ids.ts';
import type { DialogFlow, Product } from '../config/products.ts';
import type { ConnectionId } from '../connections/ids.ts';
import type { FeatureType } from '../meta/dialog/embedded-signup.ts';
import type { ConnectErrorCode } from './connect-problems.ts';
import type { ConnectSessionId } from './ids.ts';

/** The only account that a session may connect, by Meta's ids. At least one; stored as it is shown. */
export interface ExpectedAccount {
  /** As inspection reports it, or app-scoped; Instagram: the 1784… id, or the app-scoped one. */
  meta_user_id?: string;
  business_id?: string;
}

/** An invitation to connect one tenant for one product. */
export interface ConnectSession {
  id: ConnectSessionId;
  tenant: string;
  product: Product;
  flow: DialogFlow;
  /** What the dialog asks for. */
  scopes: string[];
  featureType: FeatureType | null;
  features: readonly string[];
  returnUrl: string | null;
  /** Null: any account. */
  expected: ExpectedAccount | null;
  /** Whether its link shows a page of ours first, and only who goes on from there gets to the dialog. */
  confirm: boolean;
  /** As that page names the tenant. */
  tenantName: string | null;
  /** The client that made it. */
  clientId: ClientId;
  expiresAt: Date;
  /** Set with the first success. */
  connectionId: ConnectionId | null;
  closedAt: Date | null;
  /** How far discovery has come; null before it, and where it was quick. */
  progress: StoredProgress | null;
  /** Set where Meta announced the account of a signup whose browser never brought the code. */
  unfinished: UnfinishedSignup | null;
}

/** How far the discovery of a large account has come. */
export interface ConnectProgress {
  /** What it is at. */
  stage: string;
  /** How many were found so far. */
  pages?: number;
  assets?: number;
}

export interface StoredProgress extends ConnectProgress {
  /** RFC 3339 */
  at: string;
}

/** A signup that was finished at Meta and not here. Stored as it is shown. */
export interface UnfinishedSignup {
  waba_id: string;
  business_id: string | null;
  at: string;
  remedy: string;
}

/** One browser that opened a session, as its cookie proves. */
export interface OpenedAttempt {
  stateHash: Buffer;
  sessionId: ConnectSessionId;
  cookieHash: Buffer;
  openedAt: Date;
  expiresAt: Date;
}

/** The same with what its callback ended on. */
export interface ConnectAttempt extends OpenedAttempt {
  /** Its state was used; it counts once. */
  consumedAt: Date | null;
  connectionId: ConnectionId | null;
  error: ConnectErrorCode | null;
}
