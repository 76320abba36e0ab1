import { raw } from 'sql-template-tag';
import { insertEntriesSql } from '../audit/chain/entry-mac.ts';
import type { LeaseMode } from '../auth/authenticated-client.ts';
import type { ConnectionStatus } from '../connections/connection/connection-status.ts';
import type { AssetType, CredentialKind, Health } from '../connections/credentials/credential-kind.ts';
import type { Statement } from '../database/statement.ts';
import type { SealedSecretRow } from '../vault/vault.ts';

/** One lease that is asked for. */
export interface LeaseInput {
  leaseId: string;
  auditId: string;
  /** The key of the audit entry's MAC. */
  auditKey: Buffer;
  /** Null: the client came with a token of an issuer. */
  keyHash: Buffer | null;
  /** Of the policy that the wish was judged by. */
  policyVersion: number;
  clientId: string;
  requestId: string;
  tenant: string;
  product: string;
  connectionId: string | null;
  assetId: string | null;
  mode: LeaseMode;
  /** Null for token mode. */
  secretHash: Buffer | null;
  /** When the lease is to end, where its token lives that long. */
  expiresAt: Date;
  /** Until when the token must live. */
  validUntil: Date;
}

/** What the statement found for one wish, and whether it issued the lease. `connection_id` null: nothing matched. */
export interface IssuedLeaseRow extends SealedSecretRow {
  n: string;
  /** Whether the client's key is (still) good, and its policy the one that the wish was judged by. */
  known: boolean;
  /** How many connections matched; 2 stands for several. */
  matches: number;
  issued: boolean;
  connection_id: string | null;
  status: ConnectionStatus;
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

const CREDENTIAL_COLUMNS = `c.id AS connection_id, c.status, k.id AS credential_id, k.kind, k.version, k.health, k.scopes,
  k.expires_at AS token_expires_at, k.secret_id`;
const ROOT_CREDENTIAL = 'connection c JOIN credential k ON k.connection_id = c.id AND k.is_root';
const BY_ASSET = 'asset a JOIN connection c ON c.id = a.connection_id JOIN credential k ON k.id = a.credential_id';
const OF_TENANT = `c.tenant = w.tenant AND c.product = w.product AND c.status <> 'revoked'`;

/**
 * Whole leases in one statement and one round trip: for each wish it checks the client's key and policy again, finds the credential, writes
 * the lease and its audit entry, and reads the sealed token. A wish writes nothing unless exactly one living credential matched.
 * Named by nothing but tenant and product, two connections are ambiguous; an asset is reached by the newest living one.
 * The scopes come as JSON, which is parsed by native code; an array of Postgres is not.
 */
const ISSUE_LEASE_SQL = `WITH lease_input AS MATERIALIZED (
    SELECT w.*, EXISTS (SELECT 1 FROM client cl
      WHERE cl.id = w.client_id AND cl.deleted_at IS NULL AND cl.policy_version = w.policy_version AND (w.key_hash IS NULL OR EXISTS (
        SELECT 1 FROM client_key ck
        WHERE ck.hash = w.key_hash AND ck.client_id = cl.id AND (ck.expires_at IS NULL OR ck.expires_at > $1)))) AS known
    FROM unnest($2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
      $11::text[], $12::bytea[], $13::timestamptz[], $14::timestamptz[], $15::bytea[], $16::integer[]) WITH ORDINALITY AS w (lease_id, audit_id, key_hash,
      client_id, request_id, tenant, product, requested_connection, requested_asset, mode, secret_hash, requested_expires_at, valid_until, audit_key,
      policy_version, n)
  ), found AS MATERIALIZED (
    SELECT w.*, x.*, count(x.connection_id) OVER (PARTITION BY w.n) AS matches FROM lease_input w LEFT JOIN LATERAL (
      (SELECT ${CREDENTIAL_COLUMNS}, NULL::text AS asset_type, NULL::text AS asset_name FROM ${ROOT_CREDENTIAL}
        WHERE w.requested_connection IS NULL AND w.requested_asset IS NULL AND ${OF_TENANT} LIMIT 2)
      UNION ALL (SELECT ${CREDENTIAL_COLUMNS}, NULL, NULL FROM ${ROOT_CREDENTIAL}
        WHERE w.requested_asset IS NULL AND c.id = w.requested_connection AND ${OF_TENANT})
      UNION ALL (SELECT ${CREDENTIAL_COLUMNS}, a.type, a.name FROM ${BY_ASSET}
        WHERE a.id = w.requested_asset AND (w.requested_connection IS NULL OR c.id = w.requested_connection) AND ${OF_TENANT}
        ORDER BY (c.status = 'active' AND k.health <> 'invalid') DESC, c.authorized_at DESC LIMIT 1)
    ) x ON true
  ), chosen AS MATERIALIZED (
    SELECT *, least(requested_expires_at, token_expires_at) AS lease_expires_at FROM found
    WHERE matches = 1 AND known AND status = 'active' AND health <> 'invalid' AND secret_id IS NOT NULL
      AND (token_expires_at IS NULL OR token_expires_at > valid_until)
  ), issued AS (
    INSERT INTO lease (id, secret_hash, mode, client_id, connection_id, credential_id, credential_version, tenant, product,
      asset_type, asset_id, issued_at, expires_at)
    SELECT lease_id, secret_hash, mode, client_id, connection_id, credential_id, version, tenant, product,
      asset_type, requested_asset, $1, lease_expires_at FROM chosen
  ), recorded AS (
    ${
      insertEntriesSql(
        raw(`SELECT audit_id, $1::timestamptz, 'lease.issued', 'client', client_id, tenant, product, connection_id, lease_id, request_id,
      json_build_object('mode', mode, 'credential_id', credential_id, 'credential_version', version, 'asset_id', requested_asset), audit_key
    FROM chosen`),
      ).text
    }
  )
  SELECT f.n, f.known, f.matches::int, ch.n IS NOT NULL AS issued, f.connection_id, f.status, f.credential_id, f.kind, f.version,
    f.health, to_json(f.scopes) AS scopes, f.token_expires_at, f.secret_id, f.asset_type, f.asset_name, ch.lease_expires_at,
    s.kek_id, s.wrapped_key, s.ciphertext
  FROM found f LEFT JOIN chosen ch ON ch.n = f.n LEFT JOIN sealed_secret s ON s.id = ch.secret_id AND ch.mode = 'token'
  ORDER BY f.n`;

/** The statement for some wishes, all at the instant `now`. Its rows carry `n`, the 1-based number of their wish. */
export function issueLeaseStatement(now: Date, leaseInputs: readonly LeaseInput[]): Statement<IssuedLeaseRow> {
  return {
    name: 'lease_issue',
    text: ISSUE_LEASE_SQL,
    values: [
      now,
      leaseInputs.map((leaseInput) => leaseInput.leaseId),
      leaseInputs.map((leaseInput) => leaseInput.auditId),
      leaseInputs.map((leaseInput) => leaseInput.keyHash),
      leaseInputs.map((leaseInput) => leaseInput.clientId),
      leaseInputs.map((leaseInput) => leaseInput.requestId),
      leaseInputs.map((leaseInput) => leaseInput.tenant),
      leaseInputs.map((leaseInput) => leaseInput.product),
      leaseInputs.map((leaseInput) => leaseInput.connectionId),
      leaseInputs.map((leaseInput) => leaseInput.assetId),
      leaseInputs.map((leaseInput) => leaseInput.mode),
      leaseInputs.map((leaseInput) => leaseInput.secretHash),
      leaseInputs.map((leaseInput) => leaseInput.expiresAt),
      leaseInputs.map((leaseInput) => leaseInput.validUntil),
      leaseInputs.map((leaseInput) => leaseInput.auditKey),
      leaseInputs.map((leaseInput) => leaseInput.policyVersion),
    ],
  };
}
