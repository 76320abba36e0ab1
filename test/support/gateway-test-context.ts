import type { Product } from '../../src/config/config.ts';
import type { PrincipalKind } from '../../src/sandbox/state/records.ts';
import { freePort } from './child-replica.ts';
import { api, makeService } from './connect-test-context.ts';
import { type LifecycleStage, lifecycleStage } from './lifecycle-test-context.ts';
import { assemble } from './open-resources.ts';
import type { TestReplica } from './test-replica.ts';

export interface Lease {
  lease_id: string;
  access_token: string;
  graph_base_url: string;
}

/** A token that Meta made and we hold. */
export interface HeldToken {
  connectionId: string;
  userId: string;
  accessToken: string;
}

/** Two replicas that listen, on one database and one Meta, and a client whose leases go through their gateways. */
export interface GatewayStage extends LifecycleStage {
  /** Of the first replica; `PUBLIC_URL`. */
  url: string;
  /** Of the second; it has the same `PUBLIC_URL`, as replicas behind one balancer have. */
  secondUrl: string;
  second: TestReplica;
  serviceId: string;
  serviceKey: string;
  /** Every token of Meta that was held so far: none of them may be seen by a caller. */
  tokens: string[];
  lease(product: Product, body?: Record<string, unknown>): Promise<Lease>;
  /** A person of the sandbox becomes a connection. */
  hold(product: Product, person: { userId: string; scopes?: string[] }): Promise<HeldToken>;
  person(product: Product, kind: PrincipalKind): Promise<HeldToken>;
}

export function gatewayStage(environment: Record<string, string> = {}): Promise<GatewayStage> {
  return assemble(async (keep) => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const stage = keep(await lifecycleStage({ PORT: String(port), PUBLIC_URL: url, ...environment }));
    const second = await stage.another({ PORT: '0' });
    await stage.replica.listen();
    const secondUrl = await second.listen();
    const products: Product[] = ['pages', 'instagram', 'threads', 'whatsapp', 'ads'];
    const { id: serviceId, key: serviceKey } = await makeService(stage, { tenants: ['acme'], products });
    const tokens: string[] = [];
    const hold: GatewayStage['hold'] = async (product, { userId, scopes }) => {
      const { accessToken } = stage.sandbox.state.make.token({ userId, ...(scopes === undefined ? {} : { scopes }) });
      tokens.push(accessToken);
      const answer = await api(stage).post('/v1/connections/import', {
        tenant: 'acme',
        product,
        access_token: accessToken,
      });
      if (answer.status !== 201) throw new Error(`the import gave ${answer.status}: ${answer.text}`);
      return { connectionId: (answer.body as { id: string }).id, userId, accessToken };
    };
    return {
      ...stage,
      url,
      secondUrl,
      second,
      serviceId,
      serviceKey,
      tokens,
      hold,
      person: (product, kind) => hold(product, { userId: stage.sandbox.state.make.user({ kind }).id }),
      lease: async (product, body = {}) => {
        const answer = await api(stage, serviceKey).post('/v1/leases', { tenant: 'acme', product, ...body });
        if (answer.status !== 201) throw new Error(`the lease gave ${answer.status}: ${answer.text}`);
        return answer.body as Lease;
      },
    };
  });
}

/** What a token of Meta's looks like, whoever holds it. */
export const META_TOKEN_FORM = /EAA[A-Za-z0-9]{20}|IGAA[A-Za-z0-9]{20}|THAA[A-Za-z0-9]{20}/;
