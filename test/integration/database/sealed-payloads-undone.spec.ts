import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../../src/database/data-source-options.ts';
import { migrate } from '../../../src/database/migrate.ts';
import { emptyDatabase, type FreshDatabase } from '../../support/fresh-database.ts';

let empty: FreshDatabase;
let source: DataSource;

beforeAll(async () => {
  empty = await emptyDatabase();
  source = await new DataSource(dataSourceOptions(empty.url, 2)).initialize();
  await migrate(source);
});
afterAll(async () => {
  await source?.destroy();
  await empty?.drop();
});

it('erases sealed and missing payloads and destroys the keys when sealing is undone', async () => {
  await source.query(`INSERT INTO encryption_key (id, purpose, state, wrapped, root_key_id, created_at)
    VALUES ('kek_1', 'data', 'active', '\\x01', 'root', now())`);
  await source.query(`INSERT INTO sealed_secret (id, kek_id, wrapped_key, ciphertext, created_at)
    VALUES ('sec_1', 'kek_1', '\\x01', '\\x02', now()), ('sec_2', 'kek_1', '\\x01', '\\x02', now())`);
  await source.query(
    `INSERT INTO payload_key (id, tenant, day, secret_id, created_at) VALUES ('pky_1', 'acme', '2026-11-28', 'sec_1', now())`,
  );
  await source.query(`INSERT INTO event (id, type, data, payload, payload_key_id, created_at) VALUES
    ('evt_1', 'meta.webhook', NULL, '\\x01', 'pky_1', now()), ('evt_2', 'meta.webhook', NULL, NULL, NULL, now()),
    ('evt_3', 'meta.webhook', '{"in": "the clear"}', NULL, NULL, now())`);
  const migrations = (): Promise<{ name: string }[]> =>
    source.query(`SELECT name FROM schema_migration WHERE name = 'SealedPayloads1764001090000'`);
  while ((await migrations()).length > 0) await source.undoLastMigration();
  expect(await source.query('SELECT data::text AS data FROM event ORDER BY id')).toEqual([
    { data: '{"erased":true}' },
    { data: '{"erased":true}' },
    { data: '{"in": "the clear"}' },
  ]);
  expect(await source.query('SELECT id FROM sealed_secret')).toEqual([{ id: 'sec_2' }]);
});
