import type { CallerId } from '../auth/ids.ts';
import type { DialogFlow, Product } from '../config/products.ts';
import type { ConnectionId } from '../connections/ids.ts';
import { defineRowMac } from '../database/row-mac.ts';
import type { FeatureType } from '../meta/dialog/embedded-signup.ts';
import type { ConnectSession, ExpectedAccount } from './connect-session.ts';
import type { ConnectSessionId } from './ids.ts';

/** The columns of a session that its MAC covers. */
export interface CoveredSession {
  id: ConnectSessionId;
  token_hash: Buffer;
  tenant: string;
  product: Product;
  flow: DialogFlow;
  scopes: string[];
  return_url: string | null;
  origin: string | null;
  client_id: CallerId;
  created_at: Date;
  expires_at: Date;
  feature_type: FeatureType | null;
  features: string[] | null;
  expected: ExpectedAccount | null;
  confirm: boolean;
  tenant_name: string | null;
  connection_id: ConnectionId | null;
  closed_at: Date | null;
  app_id: string | null;
}

/**
 * Covers which link connects what for whom under which app, where the browser goes, which page is notified, and how it
 * ended. Not covered, because they decide nothing: language, reference, metadata, discovery progress, and what an
 * unfinished signup lacks.
 */
export const CONNECT_SESSION_MAC = defineRowMac<CoveredSession>('connect_session', 1, {
  idOf: ({ id }) => id,
  covers: (row) => [
    row.id,
    row.token_hash,
    row.tenant,
    row.product,
    row.flow,
    row.scopes,
    row.return_url,
    row.client_id,
    row.created_at,
    row.expires_at,
    row.feature_type,
    row.features,
    row.expected === null ? null : { ...row.expected },
    row.confirm,
    row.tenant_name,
    row.connection_id,
    row.closed_at,
    // Absent from the MACs of sessions without one, so that those of the previous release stay valid.
    ...(row.origin === null ? [] : [row.origin]),
    // A list, so that it is never taken for an origin.
    ...(row.app_id === null ? [] : [[row.app_id]]),
  ],
});

/** The columns of a new session. */
export function toCoveredSession(session: ConnectSession, tokenHash: Buffer, createdAt: Date): CoveredSession {
  return {
    id: session.id,
    token_hash: tokenHash,
    tenant: session.tenant,
    product: session.product,
    flow: session.flow,
    scopes: session.scopes,
    return_url: session.returnUrl,
    origin: session.origin,
    client_id: session.clientId,
    created_at: createdAt,
    expires_at: session.expiresAt,
    feature_type: session.featureType,
    features: session.features.length === 0 ? null : [...session.features],
    expected: session.expected,
    confirm: session.confirm,
    tenant_name: session.tenantName,
    connection_id: session.connectionId,
    closed_at: session.closedAt,
    app_id: session.appId,
  };
}
