import type { ConnectionStatus } from '../connections/connection-state.ts';
import type { AssetType, CredentialKind, Health } from '../connections/credential-kind.ts';
import type { SealedSecretRow } from '../vault/vault.ts';

/** What the lease statement found, and whether it issued the lease. `connection_id` null: nothing matched. */
export interface LeaseRow extends SealedSecretRow {
  known: boolean;
  matches: number;
  issued: boolean;
  connection_id: string | null;
  status: ConnectionStatus;
  app_id: string;
  credential_id: string;
  kind: CredentialKind;
  version: number;
  health: Health;
  scopes: string[];
  token_expires_at: Date | null;
  lease_expires_at: Date;
  asset_type: AssetType | null;
  asset_name: string | null;
}

/** How the connection is named: each way has a statement of its own, so that Postgres keeps a plan for each. */
export type LeaseSelector = 'tenant' | 'connection' | 'asset' | 'connection_asset';

const FIELDS = `c.id AS connection_id, c.status, c.app_id, k.id AS credential_id, k.kind, k.version, k.health, k.scopes,
  k.expires_at AS token_expires_at, k.secret_id`;

/** Two rows tell "several" from "one". An asset is reached through the newest connection that is alive. */
const CANDIDATES: Readonly<Record<LeaseSelector, string>> = {
  tenant: `SELECT ${FIELDS}, NULL::text AS asset_type, NULL::text AS asset_name
    FROM connection c JOIN credential k ON k.connection_id = c.id AND k.is_root
    WHERE c.tenant = $5 AND c.product = $6 AND c.status <> 'revoked' AND $7::text IS NULL AND $8::text IS NULL LIMIT 2`,
  connection: `SELECT ${FIELDS}, NULL::text AS asset_type, NULL::text AS asset_name
    FROM connection c JOIN credential k ON k.connection_id = c.id AND k.is_root
    WHERE c.id = $7 AND c.tenant = $5 AND c.product = $6 AND c.status <> 'revoked' AND $8::text IS NULL`,
  asset: `SELECT ${FIELDS}, a.type AS asset_type, a.name AS asset_name
    FROM asset a JOIN connection c ON c.id = a.connection_id JOIN credential k ON k.id = a.credential_id
    WHERE a.id = $8 AND c.tenant = $5 AND c.product = $6 AND c.status <> 'revoked' AND $7::text IS NULL
    ORDER BY (c.status = 'active' AND k.health <> 'invalid') DESC, c.authorized_at DESC LIMIT 1`,
  connection_asset: `SELECT ${FIELDS}, a.type AS asset_type, a.name AS asset_name
    FROM asset a JOIN connection c ON c.id = a.connection_id JOIN credential k ON k.id = a.credential_id
    WHERE a.id = $8 AND a.connection_id = $7 AND c.tenant = $5 AND c.product = $6 AND c.status <> 'revoked'
    ORDER BY a.type LIMIT 1`,
};

/**
 * The whole of a lease in one statement and one round trip: checks the client's key again, finds the credential, writes the
 * lease and its audit entry, and reads the sealed token. It writes nothing unless exactly one living, unexpired credential matched.
 *
 * $1 key hash, $2 now, $3 wished end, $4 the token must live until, $5 tenant, $6 product, $7 connection, $8 asset,
 * $9 lease id, $10 secret hash, $11 mode, $12 client id, $13 audit id, $14 request id.
 */
export function leaseStatement(selector: LeaseSelector): { name: string; text: string } {
  return {
    name: `lease_issue_${selector}`,
    text: `WITH known AS (
        SELECT EXISTS (SELECT 1 FROM client_key ck JOIN client cl ON cl.id = ck.client_id
          WHERE ck.hash = $1 AND (ck.expires_at IS NULL OR ck.expires_at > $2) AND cl.deleted_at IS NULL) AS known
      ), candidate AS MATERIALIZED (${CANDIDATES[selector]}
      ), chosen AS MATERIALIZED (
        SELECT candidate.*, least($3::timestamptz, token_expires_at) AS lease_expires_at FROM candidate
        WHERE (SELECT count(*) FROM candidate) = 1 AND (SELECT known FROM known)
          AND status = 'active' AND health <> 'invalid' AND secret_id IS NOT NULL
          AND (token_expires_at IS NULL OR token_expires_at > $4)
      ), issued AS (
        INSERT INTO lease (id, secret_hash, mode, client_id, connection_id, credential_id, credential_version, tenant, product,
          asset_type, asset_id, issued_at, expires_at)
        SELECT $9, $10, $11, $12, connection_id, credential_id, version, $5, $6, asset_type, $8, $2, lease_expires_at FROM chosen
      ), recorded AS (
        INSERT INTO audit_entry (id, at, action, actor_kind, actor_id, tenant, product, connection_id, subject_id, request_id, details)
        SELECT $13, $2, 'lease.issued', 'client', $12, $5, $6, connection_id, $9, $14,
          json_build_object('mode', $11::text, 'credential_id', credential_id, 'credential_version', version, 'asset_id', $8::text)
        FROM chosen
      )
      SELECT known.known, (SELECT count(*)::int FROM candidate) AS matches, chosen.connection_id IS NOT NULL AS issued,
        candidate.*, chosen.lease_expires_at, s.kek_id, s.wrapped_key, s.ciphertext
      FROM known LEFT JOIN candidate ON true LEFT JOIN chosen ON chosen.credential_id = candidate.credential_id
        LEFT JOIN sealed_secret s ON s.id = chosen.secret_id LIMIT 1`,
  };
}
