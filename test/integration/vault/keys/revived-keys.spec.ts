import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { SYSTEM } from '../../../../src/audit/actor.ts';
import { AuditLog } from '../../../../src/audit/audit-log.ts';
import { AuditedObjects } from '../../../../src/audit/audited-objects.ts';
import { AuditChain } from '../../../../src/audit/chain/audit-chain.ts';
import { AuditPruner } from '../../../../src/audit/chain/audit-pruner.ts';
import { ChainVerifier } from '../../../../src/audit/chain/chain-verifier.ts';
import { IntegrityFailures } from '../../../../src/database/integrity-failures.ts';
import { SecretString } from '../../../../src/platform/secret-string.ts';
import type { KekId, SecretId } from '../../../../src/vault/ids.ts';
import { KekRepository } from '../../../../src/vault/keys/kek.repository.ts';
import { KeyAdministrationService } from '../../../../src/vault/keys/key-administration.service.ts';
import { KeyRewrap } from '../../../../src/vault/keys/key-rewrap.ts';
import { RevivedKeyAlert } from '../../../../src/vault/keys/revived-key-alert.ts';
import { DecryptionError } from '../../../../src/vault/sealed-secret.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../../support/fresh-database.ts';
import { captureLog } from '../../../support/test-replica.ts';
import { openTestVault, type TestVault } from '../../../support/test-vault.ts';

const CONTEXT = ['a context'];
const DAY_SECONDS = 86_400;

let open: OpenDatabase;
let clock: FakeClock;
let of: TestVault;
let log: AuditLog;
let retired: KekId;
let secretId: SecretId;

const sql = (text: string, values: unknown[] = []) => open.database.run({ text, values });
const openVault = (): Promise<TestVault> => openTestVault(open.database, clock);
const read = async (by: TestVault) => (await by.vault.get(open.database, secretId, CONTEXT))?.expose();

/** An intruder copies a secret and its key, which is then properly retired. */
beforeEach(async () => {
  open = await openFreshDatabase();
  clock = new FakeClock();
  of = await openVault();
  log = new AuditLog(clock, of.ids, of.ring, of.integrity);
  retired = of.ring.activeKek().id;
  secretId = await of.vault.put(open.database, new SecretString('of before'), CONTEXT);
  await sql('CREATE TABLE old_key AS SELECT * FROM encryption_key');
  await sql('CREATE TABLE old_secret AS SELECT * FROM sealed_secret');
  const { database } = open;
  const rewrap = new KeyRewrap(database, of.ring, clock, of.random);
  const keys = new KeyAdministrationService(database, of.ring, new KekRepository(database, clock), rewrap, log);
  await keys.rotate(SYSTEM);
  await of.vault.destroy(database, [secretId]);
  await keys.retire(SYSTEM, retired);
});
afterEach(() => open.close());

/** Restores the copies of key and secret. */
async function putBack(): Promise<void> {
  await sql(
    `UPDATE encryption_key k SET state = 'decrypt_only', wrapped = o.wrapped, retired_at = NULL FROM old_key o
      WHERE o.id = k.id AND k.id = $1`,
    [retired],
  );
  await sql('INSERT INTO sealed_secret SELECT * FROM old_secret');
}

describe('a retired key that is put back into its row', () => {
  it('is not loaded by any replica, running or starting', async () => {
    const running = await openVault();
    await putBack();
    await running.ring.reload();
    const started = await openVault();
    for (const replica of [running, started]) {
      expect(replica.ring.revivedKeys).toEqual([retired]);
      expect(replica.ring.getCachedKek(retired)).toBeNull();
      await expect(read(replica)).rejects.toThrow(DecryptionError);
    }
  });

  it('opens what it wrapped only if its tombstone is gone, which the chain reveals', async () => {
    await putBack();
    const chain = new AuditChain(open.database, clock, of.ring);
    await chain.linkNewEntries();
    const verifier = new ChainVerifier(open.database, clock, chain, of.ring, new AuditedObjects());
    expect((await verifier.verify()).valid).toBe(true);
    await sql(`DELETE FROM audit_entry WHERE action = 'key.retired'`);
    expect(await read(await openVault())).toBe('of before');
    expect((await verifier.verify()).faults).toMatchObject([{ kind: 'missing_entry' }]);
  });

  it('seals nothing even if marked active: startup creates a new key', async () => {
    await putBack();
    await sql(`UPDATE encryption_key SET state = 'decrypt_only' WHERE purpose = 'data'`);
    await sql(`UPDATE encryption_key SET state = 'active' WHERE id = $1`, [retired]);
    const started = await openVault();
    expect(started.ring.activeKek().id).not.toBe(retired);
    const id = await started.vault.put(open.database, new SecretString('of now'), CONTEXT);
    const [row] = await open.database.rows<{ kek_id: string }>({
      text: 'SELECT kek_id FROM sealed_secret WHERE id = $1',
      values: [id],
    });
    expect(row).toEqual({ kek_id: started.ring.activeKek().id });
  });

  it('can be retired again, whatever came back with it', async () => {
    await putBack();
    const { ring } = await openVault();
    const { database } = open;
    const service = new KeyAdministrationService(
      database,
      ring,
      new KekRepository(database, clock),
      new KeyRewrap(database, ring, clock, of.random),
      log,
    );
    await service.retire(SYSTEM, retired);
    const text = 'SELECT state, wrapped FROM encryption_key WHERE id = $1';
    expect(await database.rows({ text, values: [retired] })).toEqual([{ state: 'retired', wrapped: null }]);
    await ring.reload();
    expect(ring.revivedKeys).toEqual([]);
  });

  it('is reported once per reappearance, in log, metric and record', async () => {
    const { logger, lines } = captureLog();
    const registry = new Registry();
    const running = await openVault();
    const alert = new RevivedKeyAlert(open.database, running.ring, log, new IntegrityFailures(logger, registry));
    const tick = async (): Promise<void> => {
      await running.ring.reload();
      await alert.raise();
    };
    const found = async () => ({
      logged: lines.filter(({ key_id: id }) => id === retired).length,
      counted: (await registry.getSingleMetricAsString('metavault_integrity_failures_total')).split('\n').at(-1),
      recorded: await open.database.run({
        text: `SELECT 1 FROM audit_entry WHERE action = 'key.revival_refused' AND subject_id = $1`,
        values: [retired],
      }),
    });
    await tick();
    expect(await found()).toMatchObject({ logged: 0, recorded: 0 });
    await putBack();
    await tick();
    await tick();
    const counted = (count: number) => `metavault_integrity_failures_total{table="encryption_key"} ${count}`;
    expect(await found()).toEqual({ logged: 1, counted: counted(1), recorded: 1 });
    await sql(`UPDATE encryption_key SET state = 'retired', wrapped = NULL WHERE id = $1`, [retired]);
    await tick();
    await sql(
      `UPDATE encryption_key SET state = 'decrypt_only', wrapped = (SELECT wrapped FROM old_key WHERE id = $1) WHERE id = $1`,
      [retired],
    );
    await tick();
    expect(await found()).toEqual({ logged: 2, counted: counted(2), recorded: 2 });
  });

  it('stays refused after its retirement was pruned from the record', async () => {
    const chain = new AuditChain(open.database, clock, of.ring);
    const verifier = new ChainVerifier(open.database, clock, chain, of.ring, new AuditedObjects());
    const pruner = new AuditPruner(open.database, clock, of.ring, log, verifier, of.ring);
    const retiredAt = clock.now().toISOString();
    for (let round = 0; round < 2; round++) {
      clock.advance(10 * DAY_SECONDS);
      await log.record(open.database, { action: 'lease.issued', actor: SYSTEM });
      await chain.linkNewEntries();
      const before = new Date(clock.now().getTime() - 2 * DAY_SECONDS * 1000);
      expect(await pruner.prune(SYSTEM, before, () => undefined)).toBeGreaterThan(0);
      const tombstones = await open.database.rows({
        text: `SELECT subject_id, details FROM audit_entry WHERE action = 'key.retired'`,
      });
      expect(tombstones).toEqual([{ subject_id: retired, details: { retired_at: retiredAt } }]);
    }
    expect((await verifier.verify()).valid).toBe(true);
    await putBack();
    expect((await openVault()).ring.revivedKeys).toEqual([retired]);
  });
});

it('refuses no key because of a forged entry', async () => {
  const { id } = of.ring.activeKek();
  const forge = (entryId: string, mac: string) =>
    sql(
      `INSERT INTO audit_entry (id, at, action, actor_kind, subject_id, details, mac)
        VALUES ($1, now(), 'key.retired', 'system', $2, '{}', ${mac})`,
      [entryId, id],
    );
  await forge('aud_1', 'NULL');
  await forge('aud_2', 'sha256($1::text::bytea)');
  const { ring } = await openVault();
  expect({ revived: ring.revivedKeys, active: ring.activeKek().id }).toEqual({ revived: [], active: id });
});
