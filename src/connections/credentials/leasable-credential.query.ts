import sql, { type Sql } from 'sql-template-tag';

/**
 * SQL fragments for `leases`, which finds a lease's credential and reads it again on every call. In all of them `c` is
 * the connection, `k` the credential, and `a` the asset. Arguments are columns or parameters of the outer statement.
 * Each table is read in a subquery by its key (`FailFastPool`).
 */

/** FROM: the connections `c` that meet a condition, with their root credentials. */
export function rootCredentialFrom(condition: Sql): Sql {
  return sql`(SELECT * FROM connection c WHERE ${condition} OFFSET 0) c
    JOIN LATERAL (SELECT * FROM credential WHERE connection_id = c.id AND is_root OFFSET 0) k ON true`;
}

/** FROM: the assets with this id, with their connections and the credentials that reach them, if any. */
export function assetCredentialFrom(assetId: Sql): Sql {
  return sql`(SELECT * FROM asset WHERE id = ${assetId} OFFSET 0) a
    JOIN LATERAL (SELECT * FROM connection WHERE id = a.connection_id OFFSET 0) c ON true
    LEFT JOIN LATERAL (SELECT * FROM credential WHERE id = a.credential_id OFFSET 0) k ON true`;
}

/**
 * Columns that decide about a lease: `connection_id, status, credential_id, kind, app_id, version, health, scopes,
 * token_expires_at, secret_id`.
 */
export const LEASABLE_COLUMNS = sql`c.id AS connection_id, c.status, k.id AS credential_id, k.kind, c.app_id, k.version, k.health, k.scopes,
  k.expires_at AS token_expires_at, k.secret_id`;

/** WHERE: unrevoked connections of a tenant and product. */
export function isLiveConnectionOf({ tenant, product }: { tenant: Sql; product: Sql }): Sql {
  return sql`c.tenant = ${tenant} AND c.product = ${product} AND c.status <> 'revoked'`;
}

/** WHERE: no unrevoked connection of the tenant and product but this one. */
export function isOnlyLiveConnection(connectionId: Sql, of: { tenant: Sql; product: Sql }): Sql {
  return sql`NOT EXISTS (
      SELECT 1 FROM (SELECT * FROM connection c WHERE ${isLiveConnectionOf(of)} OFFSET 0) o WHERE o.id <> ${connectionId})`;
}

/** WHERE, on unqualified `LEASABLE_COLUMNS`: the credential can serve until `validUntil`. */
export function canServeUntil(validUntil: Sql): Sql {
  return sql`status = 'active' AND health <> 'invalid' AND secret_id IS NOT NULL
      AND (token_expires_at IS NULL OR token_expires_at > ${validUntil})`;
}

/** ORDER BY: among connections that reach an asset, the newest working one first, those without a credential last. */
export const WORKING_FIRST = sql`coalesce(c.status = 'active' AND k.health <> 'invalid', false) DESC, k.id IS NULL,
          c.status = 'active' DESC, c.authorized_at DESC`;

interface CredentialReference {
  connectionId: Sql;
  credentialId: Sql;
}

/** JOINs: active connection and credential of a row that names both. Drops rows lacking either. */
export function activeCredentialJoins({ connectionId, credentialId }: CredentialReference): Sql {
  return sql`JOIN LATERAL (SELECT * FROM connection WHERE id = ${connectionId} OFFSET 0) c ON c.status = 'active'
  JOIN LATERAL (SELECT * FROM credential WHERE id = ${credentialId} OFFSET 0) k ON true`;
}

/** JOINs: a row's connection in any status, and its credential if it still exists. */
export function connectionAndCredentialJoins({ connectionId, credentialId }: CredentialReference): Sql {
  return sql`JOIN LATERAL (SELECT * FROM connection WHERE id = ${connectionId} OFFSET 0) c ON true
    LEFT JOIN LATERAL (SELECT * FROM credential WHERE id = ${credentialId} OFFSET 0) k ON true`;
}

/** Condition on `connectionAndCredentialJoins`: the connection is active and the credential has a token. */
export const IS_CREDENTIAL_BACKED = sql`c.status = 'active' AND k.secret_id IS NOT NULL`;

/**
 * Subquery for `JOIN LATERAL`: the connection's credential with this token, or else of the Page the token was given
 * for.
 */
export function credentialOfToken({
  connectionId,
  tokenHash,
  pageId,
}: {
  connectionId: Sql;
  tokenHash: Sql;
  pageId: Sql;
}): Sql {
  return sql`SELECT k.* FROM credential k
            WHERE k.connection_id = ${connectionId} AND k.health <> 'invalid' AND k.secret_id IS NOT NULL
              AND (k.token_hash = ${tokenHash} OR (k.kind = 'page' AND k.subject_id = ${pageId}))
            ORDER BY k.token_hash IS NOT DISTINCT FROM ${tokenHash} DESC LIMIT 1`;
}
