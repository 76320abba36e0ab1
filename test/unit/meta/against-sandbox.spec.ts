import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { BusinessApi, type ListingToken } from '../../../src/meta/assets/business-api.ts';
import { PageApi } from '../../../src/meta/assets/page-api.ts';
import { GraphTransport } from '../../../src/meta/graph/graph-transport.ts';
import { MetaMetrics } from '../../../src/meta/graph/meta-metrics.ts';
import { TimerPause } from '../../../src/meta/graph/pause.ts';
import { MetaApps } from '../../../src/meta/meta-apps.ts';
import { BatchInspection } from '../../../src/meta/tokens/batch-inspection.ts';
import { InspectionApi } from '../../../src/meta/tokens/inspection-api.ts';
import { OAuthApi } from '../../../src/meta/tokens/oauth-api.ts';
import { RevocationApi } from '../../../src/meta/tokens/revocation-api.ts';
import { SystemClock } from '../../../src/platform/clock.ts';
import { UndiciHttpClient } from '../../../src/platform/http-client/http-client.ts';
import { SystemRandom } from '../../../src/platform/random.ts';
import { SecretString } from '../../../src/platform/secret-string.ts';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { seedIds } from '../../../src/sandbox/state/default-seed.ts';
import { META } from './scripted-meta.ts';

let sandbox: Sandbox;
let http: UndiciHttpClient;
let oauth: OAuthApi;
let inspection: InspectionApi;
let pages: PageApi;
let revocation: RevocationApi;

beforeEach(async () => {
  const clock = new SystemClock();
  sandbox = await startSandbox({ now: () => clock.now().getTime(), randomBytes: (size) => randomBytes(size) });
  http = new UndiciHttpClient();
  const { app, url } = sandbox;
  const meta = {
    ...META,
    app: { id: app.id, secret: new SecretString(app.secret) },
    instagramApp: { id: app.instagramAppId, secret: new SecretString(app.instagramAppSecret) },
    threadsApp: { id: app.threadsAppId, secret: new SecretString(app.threadsAppSecret) },
    graphUrl: `${url}/graph.facebook.com`,
    instagramGraphUrl: `${url}/graph.instagram.com`,
    instagramApiUrl: `${url}/api.instagram.com`,
    threadsGraphUrl: `${url}/graph.threads.net`,
  };
  const log = pino({ level: 'silent' });
  const metrics = new MetaMetrics(new Registry());
  const transport = new GraphTransport(
    http,
    new MetaApps({ meta }),
    clock,
    new SystemRandom(),
    log,
    metrics,
    new TimerPause(),
  );
  oauth = new OAuthApi(transport, clock);
  inspection = new InspectionApi(transport, new BatchInspection(transport));
  pages = new PageApi(transport, new BusinessApi(transport));
  revocation = new RevocationApi(transport);
});

afterEach(async () => {
  await http.close();
  await sandbox.close();
});

const tokenOf = (userId: string, more = {}): SecretString =>
  new SecretString(sandbox.state.make.token({ userId, ...more }).accessToken);

it('refreshes, inspects, discovers and revokes a Facebook user', async () => {
  const token = tokenOf(seedIds.user, { expiresIn: 3600, longLived: false });
  const long = await oauth.exchangeForLongLived('user', token);
  await expect(inspection.inspect('user', long.accessToken)).resolves.toMatchObject({
    valid: true,
    kind: 'user',
    userId: seedIds.user,
  });
  const listing: ListingToken = { kind: 'user', token: long.accessToken, scopes: [], granularScopes: [] };
  const { items: found } = await pages.findAll(listing, async () => undefined);
  expect(found.map(({ id }) => id).sort()).toEqual([...seedIds.pages]);
  const items = await inspection.inspectMany(
    found.map((page) => ({ kind: 'page' as const, token: page.accessToken ?? token })),
  );
  expect(
    items.map((item) => item.outcome === 'inspected' && item.result.valid && item.result.subjectId).sort(),
  ).toEqual([...seedIds.pages]);
  const request = { kind: 'user' as const, token: long.accessToken, metaUserId: seedIds.user };
  await expect(revocation.revoke(request)).resolves.toBe('confirmed');
  await expect(revocation.revoke(request)).resolves.toBe('confirmed');
  await expect(inspection.inspect('user', long.accessToken)).resolves.toMatchObject({
    valid: false,
    verdict: { reason: 'app_removed' },
  });
});

it.each(['instagram_user', 'threads_user'] as const)('exchanges, refreshes and inspects: %s', async (kind) => {
  const id = kind === 'instagram_user' ? seedIds.instagramUser : seedIds.threadsUser;
  const short = tokenOf(id, { expiresIn: 3600, longLived: false });
  const long = await oauth.exchangeForLongLived(kind, short);
  sandbox.state.advanceClock(25 * 3600);
  const refreshed = await oauth.refresh(kind, long.accessToken);
  await expect(inspection.inspect(kind, refreshed.accessToken)).resolves.toMatchObject({ valid: true, kind });
  sandbox.state.invalidateToken(refreshed.accessToken.expose(), 460);
  await expect(inspection.inspect(kind, refreshed.accessToken)).resolves.toMatchObject({
    valid: false,
    reason: 'dead',
  });
});

it('keeps every token out of URLs where Meta allows it', async () => {
  const token = tokenOf(seedIds.user);
  const instagram = tokenOf(seedIds.instagramUser);
  await inspection.inspect('user', token);
  await inspection.inspect('instagram_user', instagram);
  await oauth.refresh('user', token);
  const calls = JSON.stringify(sandbox.state.log.list());
  expect(calls).toContain('debug_token');
  for (const secret of [token, instagram]) expect(calls).not.toContain(secret.expose());
});
