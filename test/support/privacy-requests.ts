import request from 'supertest';
import { ImmediateInspectionService } from '../../src/lifecycle/inspection/immediate-inspection.service.ts';
import { addSeconds } from '../../src/platform/clock.ts';
import { hubSignature, signedRequest } from '../../src/sandbox/state/callback-sender.ts';
import { api } from './connect-test-context.ts';
import type { LifecycleTestContext } from './lifecycle-test-context.ts';

export type PrivacyRequests = ReturnType<typeof privacyRequests>;

/** Sends Meta's requests to end or erase a user, and looks for what is left. */
export function privacyRequests(context: LifecycleTestContext) {
  const server = () => context.replica.app.getHttpServer();
  const secret = (): string => context.sandbox.app.secret;
  const post = (path: string, text: string) =>
    request(server()).post(`/webhooks/meta/${path}`).type('form').send({ signed_request: text });
  /** As Meta signs it, issued this many seconds from now. */
  const signed = (userId: unknown, seconds = 0, key = secret()): string => {
    const issuedAt = Math.floor(addSeconds(context.clock.now(), seconds).getTime() / 1000);
    return signedRequest(key, { user_id: userId, algorithm: 'HMAC-SHA256', issued_at: issuedAt });
  };
  const whenIdle = () => context.replica.app.get(ImmediateInspectionService).whenIdle();
  /** Connects the same user for another tenant. */
  const again = async (token: string, tenant: string): Promise<string> => {
    const response = await api(context)
      .post('/v1/connections/import', { tenant, product: 'pages', access_token: token })
      .expect(201);
    return (response.body as { id: string }).id;
  };
  const secretsOf = (connectionId: string) =>
    context.database.rows({
      text: `SELECT s.id FROM sealed_secret s JOIN credential c ON c.secret_id = s.id WHERE c.connection_id = $1
      UNION ALL SELECT secret_id FROM provider_revocation WHERE connection_id = $1`,
      values: [connectionId],
    });
  const everything = async (needle: string): Promise<string[]> => {
    const tables = await context.database.rows<{ name: string }>({
      text: `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
    });
    const found: string[] = [];
    for (const { name } of tables) {
      const rows = await context.database.rows({
        text: `SELECT 1 FROM "${name}" t WHERE position($1 in t::text) > 0 LIMIT 1`,
        values: [needle],
      });
      if (rows.length > 0) found.push(name);
    }
    return found;
  };
  const relay = async (object: string, entry: object): Promise<void> => {
    const body = JSON.stringify({ object, entry: [entry] });
    await request(server())
      .post('/webhooks/meta')
      .type('json')
      .set('X-Hub-Signature-256', hubSignature(secret(), body))
      .send(body)
      .expect(200);
  };
  return { server, secret, post, signed, whenIdle, again, secretsOf, everything, relay };
}
