import sql, { type Sql } from 'sql-template-tag';

/** What a hot statement checks again about a cached client. Values are SQL expressions or parameters. */
interface ClientCheck {
  clientId: Sql;
  /** SQL NULL if the client used an issuer's token. */
  keyHash: Sql;
  /** Version of the policy applied to the request. */
  policyVersion: Sql;
  now: Date;
}

/** SQL condition: the client exists, its key is valid, and its policy still has this version. */
export function clientIsValid({ clientId, keyHash, policyVersion, now }: ClientCheck): Sql {
  return sql`EXISTS (SELECT 1 FROM (SELECT * FROM client WHERE id = ${clientId} OFFSET 0) cl
      WHERE cl.deleted_at IS NULL AND cl.policy_version = ${policyVersion} AND (${keyHash} IS NULL OR EXISTS (
        SELECT 1 FROM (SELECT * FROM client_key WHERE hash = ${keyHash} OFFSET 0) ck
        WHERE ck.client_id = cl.id AND ${keyIsValid(sql`ck`, now)})))`;
}

/** Returns `JOIN … <alias> ON …`, which `AND` may extend, by primary key (`FailFastPool`). */
export function joinClient(alias: Sql, clientId: Sql): Sql {
  return sql`JOIN LATERAL (SELECT * FROM client WHERE id = ${clientId} OFFSET 0) ${alias} ON true`;
}

/** SQL condition: the client (an alias of `client`) exists and its policy covers the lease (an alias of `lease`). */
export function clientCovers(client: Sql, lease: Sql): Sql {
  return sql`${client}.deleted_at IS NULL AND ${client}.tenants && ARRAY['*', ${lease}.tenant]
    AND ${client}.products && ARRAY['*', ${lease}.product] AND ${lease}.mode = ANY (${client}.lease_modes)`;
}

/**
 * SQL expression: the whole client (an alias of `client`) as `JoinedClient`, so its MAC can be checked. JSON is fast to
 * parse.
 */
export function joinedClient(client: Sql): Sql {
  return sql`json_build_array(${client}.name, ${client}.role, ${client}.tenants, ${client}.products, ${client}.lease_modes,
      ${client}.max_ttl_seconds, ${client}.rate_limit_per_second, ${client}.allow, ${client}.ip_allow_list, ${client}.policy_version,
      ${epochMs(sql`${client}.created_at`)}, ${epochMs(sql`${client}.deleted_at`)}, encode(${client}.mac, 'hex'))`;
}

function epochMs(instant: Sql): Sql {
  return sql`extract(epoch FROM ${instant})::numeric * 1000`;
}

/** SQL condition: the key (an alias of `client_key`) has not expired. */
export function keyIsValid(key: Sql, now: Date): Sql {
  return sql`(${key}.expires_at IS NULL OR ${key}.expires_at > ${now})`;
}
