import { Registry } from 'prom-client';
import { SYSTEM } from '../../dist/src/audit/actor.js';
import { AuditLog } from '../../dist/src/audit/audit-log.js';
import { openCoreServices } from '../../dist/src/bootstrap/core-services.js';
import { loadConfig } from '../../dist/src/config/load-config.js';
import { ConnectionProvisioner } from '../../dist/src/connections/authorization/connection-provisioner.js';
import { PendingAuthorizationRepository } from '../../dist/src/connections/authorization/pending-authorization.repository.js';
import { CredentialWriter } from '../../dist/src/connections/credentials/credential-writer.js';
import { IntegrityFailures } from '../../dist/src/database/integrity-failures.js';
import { EventContents } from '../../dist/src/events/outbox/event-contents.js';
import { Outbox } from '../../dist/src/events/outbox/outbox.js';
import { createLogger } from '../../dist/src/platform/logger.js';
import { SecretString } from '../../dist/src/platform/secret-string.js';
import { PayloadKeys } from '../../dist/src/vault/payloads/payload-keys.js';
import { PayloadVault } from '../../dist/src/vault/payloads/payload-vault.js';
import { Vault } from '../../dist/src/vault/vault.js';

/** `count` connections (tenants `t0`, `t1`, …) with a sealed token of 250 bytes each, and the baseline's table. */
export async function seed(environment, count, { analyzes = true } = {}) {
  const config = loadConfig(environment);
  const coreServices = await openCoreServices({ config, databaseUrl: environment.DATABASE_URL });
  const { database, keyRing, clock, ids, random } = coreServices;
  const integrity = new IntegrityFailures(createLogger('error'), new Registry());
  const audit = new AuditLog(clock, ids, keyRing, integrity);
  const vault = new Vault(keyRing, { clock, ids, random });
  const pendingAuthorizations = new PendingAuthorizationRepository(database, vault, clock, ids);
  const writer = new CredentialWriter(vault, keyRing, ids, random, audit);
  const payloadKeys = new PayloadKeys(vault, clock, ids, random, createLogger('error'), {
    fieldOf: () => ({}),
  });
  const payloads = new PayloadVault(database, payloadKeys, random);
  const provisioner = new ConnectionProvisioner(
    database,
    writer,
    pendingAuthorizations,
    audit,
    new Outbox(clock, ids, integrity, new EventContents(payloads)),
    clock,
    ids,
    config,
    random,
  );
  const expiresAt = new Date(clock.now().getTime() + 60 * 86_400_000);
  for (let i = 0; i < count; i++) {
    const token = new SecretString(`EAA${String(i).padStart(247, 'x')}`);
    const origin = {
      tenant: `t${i}`,
      product: 'pages',
      flow: 'import',
      sessionId: null,
      stateHash: null,
      requestedBy: null,
    };
    const pendingAuthorization = await pendingAuthorizations.begin(
      { ...origin, stage: 'long_lived', expiresAt, hints: {}, token },
      60,
    );
    await provisioner.provision({
      pendingAuthorization,
      appId: config.meta.app.id,
      metaUserId: String(i),
      scopes: ['pages_show_list'],
      declinedScopes: [],
      dataAccessExpiresAt: null,
      graphApiVersion: 'v26.0',
      statusReason: null,
      root: {
        kind: 'user',
        subjectId: String(i),
        subjectName: null,
        token,
        scopes: ['pages_show_list'],
        issuedAt: null,
        expiresAt,
      },
      pages: [],
      assets: [],
      actor: SYSTEM,
      requestId: null,
    });
  }
  await database.run({ text: 'CREATE TABLE bench_secret (id text PRIMARY KEY, box bytea NOT NULL)' });
  const { default: sodium } = await import('libsodium-wrappers');
  await sodium.ready;
  const box = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
    new Uint8Array(250).fill(65),
    'bench',
    null,
    new Uint8Array(24).fill(9),
    new Uint8Array(32).fill(7),
  );
  await database.run({
    text: 'INSERT INTO bench_secret SELECT $2 || n, $1 FROM generate_series(0, 999) n',
    values: [Buffer.from(box), 'crd_'],
  });
  if (analyzes) await database.run({ text: 'ANALYZE' });
  await coreServices.close();
}
