import type { Product } from '../../src/config/config.ts';
import type { PrincipalKind } from '../../src/sandbox/state/records.ts';
import { api, createServiceClient } from './connect-test-context.ts';
import { freePort } from './http-listener.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from './lifecycle-test-context.ts';
import { openResources } from './open-resources.ts';
import type { TestReplica } from './test-replica.ts';

export interface Lease {
  lease_id: string;
  access_token: string;
  graph_base_url: string;
}

/** A token that Meta issued and we hold. */
export interface ImportedToken {
  connectionId: string;
  userId: string;
  accessToken: string;
}

/** Two replicas that listen, on one database and one Meta, and a client whose leases go through their gateways. */
export interface GatewayTestContext extends LifecycleTestContext {
  /** Address of the first replica, and `PUBLIC_URL`. */
  url: string;
  /** Address of the second, which has the same `PUBLIC_URL`, like replicas behind one load balancer. */
  secondUrl: string;
  second: TestReplica;
  serviceId: string;
  serviceKey: string;
  /** Every Meta token held so far: no client may see any of them. */
  tokens: string[];
  lease(product: Product, body?: Record<string, unknown>): Promise<Lease>;
  /** Imports a token of a sandbox user. */
  importToken(product: Product, user: { userId: string; scopes?: string[] }): Promise<ImportedToken>;
  metaUser(product: Product, kind: PrincipalKind): Promise<ImportedToken>;
}

export function openGatewayTestContext(environment: Record<string, string> = {}): Promise<GatewayTestContext> {
  return openResources(async (closeLater) => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const context = closeLater(await openLifecycleTestContext({ PORT: String(port), PUBLIC_URL: url, ...environment }));
    const second = await context.startAnotherReplica({ PORT: '0' });
    await context.replica.listen();
    const secondUrl = await second.listen();
    const products: Product[] = ['pages', 'instagram', 'threads', 'whatsapp', 'ads'];
    const { id: serviceId, key: serviceKey } = await createServiceClient(context, { tenants: ['acme'], products });
    const tokens: string[] = [];
    const importToken: GatewayTestContext['importToken'] = async (product, { userId, scopes }) => {
      const { accessToken } = context.sandbox.state.make.token({ userId, ...(scopes === undefined ? {} : { scopes }) });
      tokens.push(accessToken);
      const response = await api(context).post('/v1/connections/import', {
        tenant: 'acme',
        product,
        access_token: accessToken,
      });
      if (response.status !== 201) throw new Error(`the import gave ${response.status}: ${response.text}`);
      return { connectionId: (response.body as { id: string }).id, userId, accessToken };
    };
    return {
      ...context,
      url,
      secondUrl,
      second,
      serviceId,
      serviceKey,
      tokens,
      importToken,
      metaUser: (product, kind) => importToken(product, { userId: context.sandbox.state.make.user({ kind }).id }),
      lease: async (product, body = {}) => {
        const response = await api(context, serviceKey).post('/v1/leases', { tenant: 'acme', product, ...body });
        if (response.status !== 201) throw new Error(`the lease gave ${response.status}: ${response.text}`);
        return response.body as Lease;
      },
    };
  });
}

/** The form of Meta's tokens. */
export const META_TOKEN_FORM = /EAA[A-Za-z0-9]{20}|IGAA[A-Za-z0-9]{20}|THAA[A-Za-z0-9]{20}/;
