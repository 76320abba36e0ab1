import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import supertest from 'supertest';
import { LEASE, META_TOKEN, startTestGateway, type TestGateway } from '../../support/test-gateway.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.seen.length = 0;
});

/** Data of the client, as in a WhatsApp flow, under names that mean something elsewhere. */
const DATA = { access_token: LEASE, appsecret_proof: 'theirs', method: 'delete', batch: '[]', id: '1' };
const NESTED = { to: '1', flow: { data: DATA, steps: [DATA] } };

const send = (members: object, headers: Record<string, string> = { Authorization: `Bearer ${LEASE}` }) =>
  supertest(gateway.url)
    .post('/graph/1/messages')
    .set({ 'Content-Type': 'application/json', ...headers })
    .send(JSON.stringify(members));

describe.each([
  ['of up to 1 MiB, which is read', {}, 200],
  ['over 1 MiB, which is watched', { file: 'x'.repeat(1_100_000) }, 413],
])('JSON %s', (_, filling, status) => {
  it('may name a token, or whatever else decides, inside of a member: that is data, and the call is what it is', async () => {
    const response = await send({ ...filling, ...NESTED });
    expect(response.status).toBe(200);
    expect(gateway.seen).toHaveLength(1);
    const [seen] = gateway.seen;
    expect([seen?.method, seen?.url]).toEqual(['POST', expect.stringMatching(/\/1\/messages(?:\?|$)/)]);
    expect(seen?.url).not.toContain('theirs');
    expect(seen?.headers.authorization).toBe(`Bearer ${META_TOKEN}`);
    expect(JSON.parse(String(seen?.body))).toEqual({ ...filling, ...NESTED });
  });

  it('opens nothing with a lease that stands inside of a member', async () => {
    expect((await send({ ...filling, ...NESTED }, {})).status).toBe(401);
    expect(gateway.seen).toHaveLength(0);
  });

  it('takes no token of its client along as a parameter', async () => {
    expect((await send({ ...filling, access_token: LEASE })).status).toBe(status);
    if (status === 200) expect(gateway.seen).toHaveLength(1);
    for (const { body, complete } of gateway.seen)
      expect(complete && String(body).includes('access_token')).toBe(false);
  });
});

it('says what to do instead of each outermost member of long JSON', async () => {
  const file = 'x'.repeat(1_100_000);
  const detail = async (member: object) => (await send({ file, ...member })).body.error.message as string;
  expect(await detail({ access_token: LEASE })).toMatch(/Authorization header/);
  expect(await detail({ batch: [] })).toMatch(/batch.*1 MiB/);
  expect(await detail({ method: 'delete' })).toMatch(/query/);
});

it('says which bodies may be long', async () => {
  const refused = await supertest(gateway.url)
    .post('/graph/1/feed')
    .set('Authorization', `Bearer ${LEASE}`)
    .type('form')
    .send(`a=${'x'.repeat(1_100_000)}`);
  expect(refused.status).toBe(413);
  expect(refused.body.error.message).toMatch(/^Forms.*JSON without a Content-Length.*1 MiB/);
});
