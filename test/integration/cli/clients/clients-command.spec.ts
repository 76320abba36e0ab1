import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runProgram } from '../../../../src/cli/program.ts';
import { type FreshDatabase, freshDatabase } from '../../../support/fresh-database.ts';
import { TEST_ENVIRONMENT } from '../../../support/test-replica.ts';

let fresh: FreshDatabase;

beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

async function run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const out: string[] = [];
  const error: string[] = [];
  const code = await runProgram(['clients', ...args], {
    environment: { ...TEST_ENVIRONMENT, DATABASE_URL: fresh.url },
    print: (text) => void out.push(text),
    printError: (text) => void error.push(text),
  } as Parameters<typeof runProgram>[1]);
  return { code, out: out.join('\n'), error: error.join('\n') };
}

const SHOP = ['--name', 'shop', '--role', 'service', '--tenants', 'acme', '--products', 'whatsapp', 'ads'];

describe('metavault clients', () => {
  it('makes a client with all that it is held to, shows it, changes it and takes things away again', async () => {
    const made = await run(
      'create',
      ...SHOP,
      ...['--allow', 'whatsapp=POST /*/messages', 'GET /**', '--ip', '203.0.113.0/24', '::1'],
      ...['--identity', 'https://issuer.example,metavault,cn=api,ou=shop', '--expires-in-days', '30', '--json'],
    );
    expect([made.code, made.error]).toEqual([0, '']);
    const client = JSON.parse(made.out) as { id: string; api_key: string };
    expect(client).toMatchObject({
      tenants: ['acme'],
      allow: { whatsapp: ['POST /*/messages'], '*': ['GET /**'] },
      ip_allow_list: ['203.0.113.0/24', '::1'],
      identities: [{ issuer: 'https://issuer.example', audience: 'metavault', subject: 'cn=api,ou=shop' }],
      api_key: expect.stringMatching(/^mtv_/),
      api_key_expires_at: expect.stringMatching(/Z$/),
    });
    const shown = await run('show', client.id);
    expect(shown.out).toContain('203.0.113.0/24,::1');
    expect(shown.out).toContain('KEY CREATED');
    expect(shown.out).not.toContain(client.api_key);
    const changed = await run(
      'update',
      client.id,
      '--ip',
      'none',
      '--allow',
      'GET /me',
      '--identity',
      'none',
      '--json',
    );
    expect(JSON.parse(changed.out)).toMatchObject({
      ip_allow_list: null,
      allow: ['GET /me'],
      identities: [],
      tenants: ['acme'],
    });
    const list = await run('list');
    expect(list.out).toMatch(new RegExp(`${client.id} +service +shop +acme +whatsapp,ads +1 +never`));
    expect(JSON.parse((await run('list', '--json')).out).data).toContainEqual(
      expect.objectContaining({ id: client.id }),
    );
  });

  it('gives a key with an end', async () => {
    const [id = ''] = (await run('create', ...SHOP)).out.split('\n');
    const rotated = await run('rotate-key', id, '--grace-seconds', '0', '--expires-in-days', '7');
    expect(rotated.out).toMatch(/^mtv_\w+\nThe old keys work until .+\nThe new key works until .+Z\.$/);
    expect(JSON.parse((await run('show', id, '--json')).out).keys).toHaveLength(1);
  });

  it('says what is wrong in a message of its own, and does nothing', async () => {
    const before = (await run('list', '--json')).out;
    const faults: [string[], string][] = [
      [['create', ...SHOP, '--ip', 'everywhere'], '--ip'],
      [['create', ...SHOP, '--allow', 'GET /me', 'FETCH /me'], '--allow[1]: must start with GET'],
      [['create', ...SHOP, '--allow', 'GET /me', '--lease-modes', 'token'], '--allow'],
      [['create', ...SHOP, '--identity', 'issuer.example'], '--identity[0].issuer'],
      [['create', ...SHOP, '--expires-in-days', 'soon'], '--expires-in-days'],
      [['create', ...SHOP, '--rate-limit-per-second', '0'], '--rate-limit-per-second'],
      [['update', `cli_${'0'.repeat(26)}`], 'Nothing to change'],
      [['update', `cli_${'z'.repeat(26)}`, '--name', 'x'], 'No client has this id'],
      [['rotate-key', `cli_${'z'.repeat(26)}`, '--expires-in-days', '0'], '--expires-in-days'],
    ];
    for (const [args, message] of faults) {
      const { code, error } = await run(...args);
      expect(error).toContain(message);
      expect([args, code]).toEqual([args, message.startsWith('No client') ? 1 : 2]);
    }
    expect((await run('list', '--json')).out).toBe(before);
  });
});
