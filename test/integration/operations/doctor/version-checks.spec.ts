import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { saveServedVersion } from '../../../../src/lifecycle/versions/served-version.repository.ts';
import {
  checkMarketingVersion,
  checkServedVersions,
  checkVersion,
} from '../../../../src/operations/doctor/version-checks.ts';
import { type GatewayTestContext, openGatewayTestContext } from '../../../support/gateway-test-context.ts';
import { until } from '../../../support/until.ts';

let context: GatewayTestContext;

beforeAll(async () => {
  context = await openGatewayTestContext();
});
afterAll(() => context.close());

describe('the configured version', () => {
  it.each([
    ['v25.0', '2028-05-29T00:00:00Z', 'ok', /ends on 2028-07-29/],
    ['v25.0', '2028-05-31T00:00:00Z', 'attention', /ends on 2028-07-29/],
    ['v25.0', '2028-07-29T00:00:00Z', 'wrong', /ended on 2028-07-29: .*oldest living version \(v26.0\)/],
    ['v18.0', '2026-11-28T00:00:00Z', 'wrong', /ended on 2026-01-26: .*\(v21.0\)/],
    ['v3.0', '2026-11-28T00:00:00Z', 'wrong', /^v3.0 has ended: /],
    ['v26.0', '2030-01-01T00:00:00Z', 'ok', /no known end/],
  ])('%s at %s: %s', (version, at, state, detail) => {
    expect(checkVersion(version, version, new Date(at))).toMatchObject({
      state,
      detail: expect.stringMatching(detail),
    });
  });
});

describe('the Marketing API', () => {
  const check = (version: string, at: string) => checkMarketingVersion(version, context.database, new Date(at));

  it('counts only where connections use it, by its shorter end', async () => {
    await context.metaUser('pages', 'user');
    expect(await check('v24.0', '2026-11-28T00:00:00Z')).toEqual([]);
    await context.metaUser('ads', 'user');
    expect(await check('v24.0', '2026-09-01T00:00:00Z')).toEqual([]);
    expect(await check('v24.0', '2026-09-12T00:00:00Z')).toMatchObject([
      { state: 'attention', detail: expect.stringMatching(/Marketing API on 2026-11-10.* 1 ads connections/) },
    ]);
    expect(await check('v24.0', '2026-11-28T00:00:00Z')).toMatchObject([
      { state: 'wrong', detail: expect.stringMatching(/ended on 2026-11-10 for the Marketing API: .*2635/) },
    ]);
    expect(await check('v26.0', '2030-01-01T00:00:00Z')).toEqual([]);
  });
});

describe('what Meta served', () => {
  const NOW = new Date('2026-11-28T12:00:00Z');
  const check = (configured: string, at = NOW) => checkServedVersions(configured, context.database, at);
  const save = (asked: string, served: string, at: string) =>
    saveServedVersion(context.database, { appId: '1', host: 'instagram', asked, served }, new Date(at));

  it('is shown with its time where it differs', async () => {
    await save('v25.0', 'v25.0', '2026-11-28T10:00:00Z');
    expect(await check('v25.0')).toEqual([]);
    await save('v25.0', 'v24.0', '2026-11-28T11:00:00Z');
    expect(await check('v25.0')).toMatchObject([
      {
        check: 'meta_version',
        state: 'attention',
        detail: expect.stringMatching(/served v24.0 instead of v25.0 on its instagram host.*2026-11-28T11:00:00/),
        mend: expect.stringContaining('META_GRAPH_API_VERSION'),
      },
    ]);
    expect(await check('v25.0', new Date('2026-12-10T00:00:00Z'))).toEqual([]);
    // Once the setting has changed, the row is about the past.
    expect(await check('v26.0', new Date('2026-11-30T00:00:00Z'))).toEqual([]);
    await context.database.run({ text: 'DELETE FROM served_version' });
  });

  it('is known to every replica and to the command line, by whichever replica saw it, through the gateway too', async () => {
    await context.metaUser('pages', 'user');
    const { access_token } = await context.lease('pages', {
      connection_id: (await context.metaUser('pages', 'user')).connectionId,
    });
    const answer = await request(context.secondUrl)
      .get('/graph/v19.0/me')
      .set('Authorization', `Bearer ${access_token}`);
    expect(answer.status).toBe(200);
    expect(answer.headers['facebook-api-version']).not.toBe('v19.0');
    const findings = await until(async () => {
      const found = await check('v26.0', context.clock.now());
      return found.length > 0 ? found : null;
    });
    expect(findings).toMatchObject([
      {
        state: 'attention',
        detail: expect.stringMatching(/instead of v19.0/),
        mend: expect.stringContaining('gateway'),
      },
    ]);
  });
});
