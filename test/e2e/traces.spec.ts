import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { isTracing } from '../../src/platform/tracing.ts';
import { api, createServiceClient } from '../support/connect-test-context.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import { TEST_ADMIN_KEY } from '../support/test-replica.ts';
import { type CollectedSpan, startTraceCollector, type TraceCollector } from '../support/trace-collector.ts';
import { type Receiver, startReceiver } from '../support/webhook-receiver.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

let collector: TraceCollector;
let receiver: Receiver;
let context: LifecycleTestContext;
beforeAll(async () => {
  collector = await startTraceCollector();
  receiver = await startReceiver();
  context = await openLifecycleTestContext({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_SERVICE_NAME: 'vault-under-test',
  });
});
afterAll(async () => {
  await context?.close();
  await receiver?.close();
  await collector?.close();
});

const attribute = (span: CollectedSpan | undefined, key: string): unknown => {
  const value = span?.attributes.find((each) => each.key === key)?.value;
  return value?.stringValue ?? value?.intValue;
};

it('shows a job from the request to Meta, with nothing secret and nobody’s id', async () => {
  const address = await context.replica.listen();
  await api(context)
    .post('/v1/subscriptions', { url: receiver.url, events: ['connection.created'] })
    .expect(201);
  const { id, userId, token, pageIds } = await context.importConnection({ pages: 1 });
  const { key } = await createServiceClient(context);
  const lease = await fetch(`${address}/v1/leases`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      traceparent: `00-${TRACE}-${PARENT}-01`,
    },
    body: JSON.stringify({ tenant: 'acme', product: 'pages', connection_id: id }),
  });
  const leased = (await lease.json()) as { access_token?: string; code?: string };
  expect([lease.status, leased.code]).toEqual([201, undefined]);
  const graph = await fetch(`${address}/graph/${userId}?fields=id`, {
    headers: { authorization: `Bearer ${leased.access_token}`, traceparent: `00-${TRACE}-${PARENT}-01` },
  });
  expect(graph.status).toBe(200);
  await api(context).post('/v1/maintenance/health-sweep', {}).expect(200);
  const [delivery] = await receiver.waitFor(1);
  await fetch(`${address}/v1/connections/${id}?debug=${token}`);
  expect(isTracing()).toBe(true);
  await context.replica.close();
  expect(isTracing()).toBe(false);

  const spans = collector.spans();
  const named = (name: string): CollectedSpan[] => spans.filter((span) => span.name === name);
  const [leaseSpan] = named('POST /v1/leases');
  expect(leaseSpan).toMatchObject({ traceId: TRACE, parentSpanId: PARENT });
  expect(attribute(leaseSpan, 'metavault.client.id')).toMatch(/^cli_/);
  expect(Number(attribute(leaseSpan, 'http.response.status_code'))).toBe(201);
  const statements = spans.filter((span) => attribute(span, 'db.system.name') === 'postgresql');
  expect(statements.some(({ traceId, parentSpanId }) => traceId === TRACE && parentSpanId !== undefined)).toBe(true);
  const [call] = named('Meta graph call');
  expect(call?.traceId).toBe(TRACE);
  expect(attribute(call, 'metavault.meta.host')).toBe('facebook');
  expect(spans.some(({ name }) => name.startsWith('Meta ') && name !== 'Meta graph call')).toBe(true);
  expect(named('health sweep')).toHaveLength(1);
  const [sent] = named('delivery');
  expect(attribute(sent, 'metavault.event.type')).toBe('connection.created');
  expect(delivery?.headers['traceparent']).toBe(`00-${sent?.traceId}-${sent?.spanId}-01`);

  const text = collector.text();
  expect(text).toContain('vault-under-test');
  const { app } = context.sandbox;
  const hidden = [token, key, leased.access_token ?? '', TEST_ADMIN_KEY, app.secret, userId, id, ...pageIds, 'acme'];
  for (const value of hidden) expect([value, text.includes(value)]).toEqual([value, false]);
  expect(text).not.toContain('debug=');
});
