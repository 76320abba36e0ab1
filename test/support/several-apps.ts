import { api } from './connect-test-context.ts';
import type { GatewayTestContext } from './gateway-test-context.ts';

/** The secret of each app that `severalApps` makes. */
export const SECRET = 'b'.repeat(32);

export type SeveralApps = ReturnType<typeof severalApps>;

/** Makes Meta apps with tenants of their own, adds them, and imports connections under them. */
export function severalApps(context: GatewayTestContext) {
  const meta = context.sandbox.state;
  let count = 0;

  /** Makes an app at Meta, for tenants of its own. */
  function newApp(tenants?: string[]): { id: string; tenant: string; body: Record<string, unknown> } {
    const id = String(700_000_000_000 + ++count);
    meta.make.app({ id, secret: SECRET });
    const tenant = `tenant-${id}`;
    return { id, tenant, body: { app_id: id, app_secret: SECRET, name: `App ${id}`, tenants: tenants ?? [tenant] } };
  }

  async function addApp(tenants?: string[]) {
    const app = newApp(tenants);
    const response = await api(context).post('/v1/apps', app.body).expect(201);
    return { ...app, verifyToken: (response.body as { webhooks: { verify_token: string } }).webhooks.verify_token };
  }

  async function importUnder(app: { id: string; tenant: string }, options: { expiresIn?: number } = {}) {
    const user = meta.make.user({ kind: 'user' });
    const { accessToken } = meta.make.token({ userId: user.id, appId: app.id, longLived: true, ...options });
    const body = { tenant: app.tenant, product: 'pages', access_token: accessToken };
    const response = await api(context).post('/v1/connections/import', body);
    if (response.status !== 201) throw new Error(response.text);
    return { id: (response.body as { id: string }).id, userId: user.id, accessToken };
  }

  return { newApp, addApp, importUnder };
}
