import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AuthTestContext, openAuthTestContext } from '../../support/auth-test-context.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let access: AuthTestContext;
const clock = new FakeClock();

beforeAll(async () => {
  access = await openAuthTestContext(clock);
});
afterAll(() => access?.close());

const SERVICE = { name: 'shop', role: 'service', tenants: ['acme'], products: ['whatsapp', 'ads'] };
const NOBODY = `cli_${'z'.repeat(26)}`;

const send = (...call: Parameters<AuthTestContext['send']>) => access.send(...call);
const create = (body: object) => send('post', '/v1/clients', body);
/** A valid service key gets 403 for listing clients. */
const works = async (key: string) => (await send('get', '/v1/clients', undefined, key)).status === 403;

describe('POST /v1/clients/{id}/keys', () => {
  const issue = (id: string, body?: object) => send('post', `/v1/clients/${id}/keys`, body);

  it('201: a new key; the old one works for the grace period, a day by default', async () => {
    const { id, api_key: first } = (await create(SERVICE)).body;
    const response = await issue(id);
    expect(response.status).toBe(201);
    expect(response.body).toEqual({
      api_key: expect.stringMatching(/^mtv_/),
      api_key_expires_at: null,
      grace_seconds: 86_400,
      previous_keys_expire_at: new Date(clock.now().getTime() + 86_400_000).toISOString(),
    });
    expect([await works(first), await works(response.body.api_key)]).toEqual([true, true]);
    expect((await send('get', `/v1/clients/${id}`)).body.keys).toHaveLength(2);
  });

  it('201: grace 0 ends the old key at once; an earlier expiry is never extended', async () => {
    const { id, api_key: first } = (await create(SERVICE)).body;
    const second = (await issue(id, { grace_seconds: 10 })).body.api_key;
    const third = (await issue(id, { grace_seconds: 1000 })).body.api_key;
    clock.advance(10);
    expect([await works(first), await works(second), await works(third)]).toEqual([false, true, true]);
    const fourth = (await issue(id, { grace_seconds: 0 })).body.api_key;
    expect([await works(second), await works(third), await works(fourth)]).toEqual([false, false, true]);
  });

  it('201: of keys issued concurrently, one is left without an expiry', async () => {
    const { id } = (await create(SERVICE)).body;
    const issued = await Promise.all(Array.from({ length: 4 }, () => issue(id, { grace_seconds: 5 })));
    expect(issued.map((response) => response.status)).toEqual([201, 201, 201, 201]);
    const { keys } = (await send('get', `/v1/clients/${id}`)).body;
    expect(keys.filter((key: { expires_at: string | null }) => key.expires_at === null)).toHaveLength(1);
  });

  it('400, 404', async () => {
    const { id } = (await create(SERVICE)).body;
    for (const grace of [-1, 1.5, '60', null, 30 * 86_400 + 1]) {
      expect([grace, (await issue(id, { grace_seconds: grace })).status]).toEqual([grace, 400]);
    }
    expect((await issue(id, { grace: 1 })).status).toBe(400);
    expect((await issue(NOBODY)).status).toBe(404);
    await send('delete', `/v1/clients/${id}`);
    expect((await issue(id)).status).toBe(404);
  });
});

describe('a key with an expiry', () => {
  it('works until then, for a new client and for one with other keys', async () => {
    const created = (await create({ ...SERVICE, expires_in_seconds: 60 })).body;
    const end = new Date(clock.now().getTime() + 60_000).toISOString();
    expect(created.api_key_expires_at).toBe(end);
    expect((await send('get', `/v1/clients/${created.id}`)).body.keys).toMatchObject([{ expires_at: end }]);
    const at = new Date(clock.now().getTime() + 90_000).toISOString();
    const issued = (await send('post', `/v1/clients/${created.id}/keys`, { expires_at: at })).body;
    expect(issued.api_key_expires_at).toBe(at);
    clock.advance(59);
    expect([await works(created.api_key), await works(issued.api_key)]).toEqual([true, true]);
    clock.advance(1);
    expect([await works(created.api_key), await works(issued.api_key)]).toEqual([false, true]);
    clock.advance(30);
    expect(await works(issued.api_key)).toBe(false);
    expect((await send('get', `/v1/clients/${created.id}`)).body.keys).toEqual([]);
  });

  it('is in the metrics two weeks before it expires, if the client has no other', async () => {
    const losing = async () =>
      (await access.registry.getSingleMetric('metavault_clients_losing_their_key')?.get())?.values[0]?.value;
    const before = (await losing()) ?? 0;
    const { id } = (await create({ ...SERVICE, expires_in_seconds: 14 * 86_400 + 60 })).body;
    expect(await losing()).toBe(before);
    clock.advance(60);
    expect(await losing()).toBe(before + 1);
    await send('post', `/v1/clients/${id}/keys`);
    expect(await losing()).toBe(before);
  });

  it('400: an expiry that is past or invalid', async () => {
    const { id } = (await create(SERVICE)).body;
    for (const body of [{ expires_at: clock.now().toISOString() }, { expires_in_seconds: 0 }, { expires_at: 'x' }]) {
      expect([body, (await send('post', `/v1/clients/${id}/keys`, body)).status]).toEqual([body, 400]);
    }
  });
});
