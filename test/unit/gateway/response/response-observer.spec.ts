import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Registry } from 'prom-client';
import type { GatewayCall } from '../../../../src/gateway/gateway-call.ts';
import { ResponseObserver } from '../../../../src/gateway/response/response-observer.ts';
import type { SuspectedTokenService } from '../../../../src/lifecycle/inspection/suspected-token.service.ts';
import { MetaMetrics } from '../../../../src/meta/graph/meta-metrics.ts';
import { UsageObserver } from '../../../../src/meta/graph/usage-observer.ts';
import { type ServedVersion, VersionObserver } from '../../../../src/meta/graph/version-observer.ts';
import type { Pino } from '../../../../src/platform/logger.ts';

const THROTTLED = Buffer.from('{"error":{"message":"(#4) limit","type":"OAuthException","code":4,"fbtrace_id":"A"}}');

const callOf = (appId: string): GatewayCall =>
  ({
    grant: { appId },
    target: { host: { name: 'facebook' } },
    controls: { fields: [] },
    path: { segments: ['me'] },
    isBatch: false,
  }) as unknown as GatewayCall;

describe('what responses say about limits', () => {
  let observed: string[];
  let responseObserver: ResponseObserver;
  beforeEach(() => {
    observed = [];
    class Observer extends UsageObserver {
      override observe(...[appId, { usage, throttle }]: Parameters<UsageObserver['observe']>): void {
        observed.push(`${appId} ${throttle === null ? usage.appUsagePercent : 'throttled'}`);
      }
    }
    responseObserver = new ResponseObserver({} as SuspectedTokenService, {} as Pino, new Observer());
  });
  const usage = (percent: number): Record<string, string> => ({ 'x-app-usage': `{"call_count":${percent}}` });

  it('is heard again only where it has changed, for each app by itself', () => {
    for (const percent of [1, 1, 2, 2, 1]) responseObserver.observeHeaders(callOf('one'), usage(percent));
    responseObserver.observeHeaders(callOf('two'), usage(1));
    responseObserver.observeHeaders(callOf('two'), {});
    responseObserver.observeHeaders(callOf('two'), { ...usage(1), 'retry-after': '5' });
    expect(observed).toEqual(['one 1', 'one 2', 'one 1', 'two 1', 'two 1']);
  });

  it('is heard again after a throttle, which it says is over', () => {
    responseObserver.observeHeaders(callOf('one'), usage(1));
    responseObserver.observeBody(callOf('one'), 400, usage(1), THROTTLED);
    responseObserver.observeHeaders(callOf('one'), usage(1));
    expect(observed).toEqual(['one 1', 'one throttled', 'one 1']);
  });

  it('names the object of the path, or the credential, as what a limit is for', () => {
    const objects: (string | null)[] = [];
    class Objects extends UsageObserver {
      override observe(...[, { objectId }]: Parameters<UsageObserver['observe']>): void {
        objects.push(objectId);
      }
    }
    const observer = new ResponseObserver({} as SuspectedTokenService, {} as Pino, new Objects());
    const called = (segments: string[]): GatewayCall =>
      ({ ...callOf('one'), path: { segments }, grant: { credentialId: 'crd_1' } }) as unknown as GatewayCall;
    const full = { 'x-ad-account-usage': '{"acc_id_util_pct":100,"reset_time_duration":60}' };
    observer.observeHeaders(called(['act_17', 'campaigns']), full);
    observer.observeHeaders(called(['act_18', 'campaigns']), full);
    observer.observeBody(called(['19', 'messages']), 400, {}, THROTTLED);
    observer.observeBody(called(['me', 'accounts']), 400, {}, THROTTLED);
    expect(objects).toEqual(['act_17', 'act_18', '19', 'crd_1']);
  });

  it('is heard again when a second has passed, because it counts for a time only', () => {
    const now = jest.spyOn(performance, 'now');
    for (const at of [0, 999, 1_000]) {
      now.mockReturnValue(at);
      responseObserver.observeHeaders(callOf('one'), usage(1));
    }
    now.mockRestore();
    expect(observed).toHaveLength(2);
  });
});

it('what responses say about versions is told to operators, for the version of the path or ours, and counted where it differs', async () => {
  const seen: ServedVersion[] = [];
  class Versions extends VersionObserver {
    override observe(version: ServedVersion): void {
      seen.push(version);
    }
  }
  const registry = new Registry();
  const responseObserver = new ResponseObserver(
    {} as SuspectedTokenService,
    {} as Pino,
    null,
    new Versions(),
    new MetaMetrics(registry),
  );
  const call = (version: string | null, fixedVersion: string | null = null): GatewayCall =>
    ({
      grant: { appId: 'one' },
      target: { host: { name: 'facebook', version: 'v26.0', fixedVersion } },
      path: { segments: ['me'], version },
    }) as unknown as GatewayCall;
  responseObserver.observeHeaders(call(null), { 'facebook-api-version': 'v26.0' });
  responseObserver.observeHeaders(call('v19.0'), { 'facebook-api-version': 'v21.0' });
  responseObserver.observeHeaders(call(null), {});
  responseObserver.observeHeaders(call(null), { 'facebook-api-version': 'nonsense' });
  responseObserver.observeHeaders(call(null, 'v1.0'), { 'facebook-api-version': 'v2.0' });
  expect(seen).toEqual([
    { appId: 'one', host: 'facebook', asked: 'v26.0', served: 'v26.0' },
    { appId: 'one', host: 'facebook', asked: 'v19.0', served: 'v21.0' },
  ]);
  expect(await registry.metrics()).toContain('metavault_meta_version_drift_total{host="facebook",direction="newer"} 1');
});
