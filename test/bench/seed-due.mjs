import { credentialContext } from '../../dist/src/connections/credentials/seal-contexts.js';
import { SecretString } from '../../dist/src/platform/secret-string.js';
import { seal } from '../../dist/src/vault/sealed-secret.js';

const CHUNK = 1_000;

/**
 * `count` active connections whose tokens end within five days (or `expiresIn` seconds), sealed as the service seals
 * them, in multi-row statements. `tenantOf`: the tenant by index; each has its own by default.
 * `onToken`: gets each token with its user and end.
 */
export async function seedDue({ database, keyRing, ids, clock, random }, sandbox, count, options = {}) {
  const { tenantOf = (index) => `t${index}`, expiresIn = 5 * 86_400, onToken } = options;
  const now = clock.now();
  const kek = keyRing.activeKek();
  const rows = [];
  let index = 0;
  for (const made of sandbox.state.make.bulk({ count, expiresIn, scopes: ['pages_show_list'] })) {
    const [connectionId, credentialId, secretId] = [ids.next('con'), ids.next('crd'), ids.next('sec')];
    const tenant = tenantOf(index++);
    onToken?.(made);
    const context = credentialContext({ tenant, connectionId, credentialId, kind: 'user', version: 1 });
    const sealed = seal(secretId, new SecretString(made.accessToken), context, kek, random);
    rows.push({ connectionId, credentialId, secretId, sealed, made, tenant });
    if (rows.length === CHUNK) await insert(database, rows.splice(0), sandbox.app.id, now);
  }
  if (rows.length > 0) await insert(database, rows, sandbox.app.id, now);
  await database.longRunning.run({ text: 'ANALYZE' });
}

async function insert(database, rows, appId, now) {
  const of = (read) => rows.map(read);
  await database.run({
    text: `INSERT INTO sealed_secret SELECT *, $5::timestamptz FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[])`,
    values: [
      of((r) => r.secretId),
      of((r) => r.sealed.kekId),
      of((r) => r.sealed.wrappedKey),
      of((r) => r.sealed.ciphertext),
      now,
    ],
  });
  await database.run({
    text: `INSERT INTO connection (id, tenant, product, flow, status, app_id, meta_user_id, scopes, declined_scopes, graph_api_version,
        authorized_at, created_at, updated_at)
      SELECT id, tenant, 'pages', 'import', 'active', $4, meta_user, '{pages_show_list}', '{}', 'v26.0', $5, $5, $5
      FROM unnest($1::text[], $2::text[], $3::text[]) AS r (id, tenant, meta_user)`,
    values: [of((r) => r.connectionId), of((r) => r.tenant), of((r) => r.made.userId), appId, now],
  });
  await database.run({
    text: `INSERT INTO credential (id, connection_id, tenant, app_id, kind, is_root, subject_id, version, secret_id, token_hash, scopes, issued_at,
        expires_at, health, refresh_after, refresh_due_at, check_due_at, created_at, updated_at)
      SELECT id, connection, tenant, $6, 'user', true, meta_user, 1, secret, '\\x00', '{pages_show_list}', $7, expires, 'healthy',
        expires - interval '7 days', expires - interval '7 days', $7, $7, $7
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $8::text[])
        AS r (id, connection, meta_user, secret, expires, tenant)`,
    values: [
      of((r) => r.credentialId),
      of((r) => r.connectionId),
      of((r) => r.made.userId),
      of((r) => r.secretId),
      of((r) => new Date(r.made.expiresAt)),
      appId,
      now,
      of((r) => r.tenant),
    ],
  });
}
