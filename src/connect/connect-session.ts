import type { CallerId } from '../auth/ids.ts';
import type { DialogFlow, Product } from '../config/products.ts';
import type { BroughtDescription } from '../connections/description/description.ts';
import type { ConnectionId } from '../connections/ids.ts';
import type { Locale } from '../customer-pages/locale.ts';
import type { FeatureType } from '../meta/dialog/embedded-signup.ts';
import type { JsSdkParameters } from '../meta/dialog/js-sdk-parameters.ts';
import type { ConnectErrorCode } from './connect-problems.ts';
import type { ConnectSessionId } from './ids.ts';

/** The only account a session may connect, by Meta's ids. At least one is set; stored as shown. */
export interface ExpectedAccount {
  /** As inspection reports it, or app-scoped; Instagram: the `1784…` id, or the app-scoped one. */
  meta_user_id?: string;
  business_id?: string;
}

/** An invitation to connect one tenant for one product. */
export interface ConnectSession {
  id: ConnectSessionId;
  tenant: string;
  /** The Meta app it connects under. Null: the environment's. */
  appId: string | null;
  product: Product;
  flow: DialogFlow;
  /** Scopes the dialog asks for. */
  scopes: string[];
  featureType: FeatureType | null;
  features: readonly string[];
  returnUrl: string | null;
  /** Of the page that opens the link in a pop-up and gets the result. Null: that of `returnUrl`. */
  origin: string | null;
  /** Null: any account. */
  expected: ExpectedAccount | null;
  /** Whether the link shows our own page first, which the user must confirm to reach the dialog. */
  confirm: boolean;
  /** The tenant's name on our pages. */
  tenantName: string | null;
  /** Of our pages. Null: what the browser prefers. */
  locale: Locale | null;
  /** For its connection. */
  description: BroughtDescription;
  /** The client that created it. */
  clientId: CallerId;
  expiresAt: Date;
  /** Set on the first success. */
  connectionId: ConnectionId | null;
  closedAt: Date | null;
  /** Discovery progress; null before discovery, and if it was quick. */
  progress: StoredProgress | null;
  /** Set if Meta announced the account of a signup whose code never arrived. */
  unfinished: UnfinishedSignup | null;
}

export const CONNECT_STAGES = ['discovering', 'storing'] as const;
export type ConnectStage = (typeof CONNECT_STAGES)[number];

/** Discovery progress of a large account. */
export interface ConnectProgress {
  stage: ConnectStage;
  /** How many were found so far. */
  pages?: number;
  assets?: number;
}

export interface StoredProgress extends ConnectProgress {
  /** RFC 3339 */
  at: string;
}

/** A signup finished at Meta but not here. Stored as shown. */
export interface UnfinishedSignup {
  waba_id: string;
  business_id: string | null;
  at: string;
  remedy: string;
}

/** Origin of the page that may open the session in a pop-up; null: no page may. */
export function openerOrigin({ origin, returnUrl }: Pick<ConnectSession, 'origin' | 'returnUrl'>): string | null {
  return origin ?? (returnUrl === null ? null : new URL(returnUrl).origin);
}

/** A browser that opened a session, as its cookie proves. */
export interface OpenedAttempt {
  stateHash: Buffer;
  sessionId: ConnectSessionId;
  cookieHash: Buffer;
  openedAt: Date;
  expiresAt: Date;
  /** Opened by `@metavault/connect`: the last page notifies the page that opened it. */
  inPopup: boolean;
}

/** An opened attempt and the result of its callback. */
export interface ConnectAttempt extends OpenedAttempt {
  /** When its state was used, which works once. */
  consumedAt: Date | null;
  connectionId: ConnectionId | null;
  error: ConnectErrorCode | null;
}

/** A session with what only the response to its creation contains. */
export interface CreatedSession {
  session: ConnectSession;
  /** On our host. Anyone who has it can connect, so it is returned once and only its hash is kept. */
  connectUrl: string;
  /** Null for flows without the JavaScript SDK. */
  jsSdk: JsSdkParameters | null;
}
