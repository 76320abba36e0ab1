import { Inject, Injectable } from '@nestjs/common';
import { RefusalRecord } from '../../audit/refusal-auditor.ts';
import { isInRanges } from '../../auth/limits/ip-allow-list.ts';
import type { GatewayGrant } from '../../leases/gateway-lease-verifier.ts';
import type { RawRequest } from '../../platform/http-server/raw-http-handler.ts';
import { GatewayRefusal } from '../gateway-error.ts';
import { RoutePatterns } from '../route-patterns.ts';
import { type EffectiveCall, isCovered } from './call-rules.ts';

/** What a lease's client is held to, besides what holds for everyone. Refusals of a client are recorded, as floods of one kind. */
@Injectable()
export class CallPolicy {
  readonly #routes = new RoutePatterns();

  constructor(@Inject(RefusalRecord) private readonly refusals: RefusalRecord) {}

  isFromAllowedAddress({ ipAllowList }: GatewayGrant, { address }: RawRequest): boolean {
    return ipAllowList === null || isInRanges(ipAllowList, address);
  }

  /** Whether the client's `allow` covers the call. */
  covers({ allow }: GatewayGrant, call: EffectiveCall): boolean {
    return allow === null || isCovered(allow, call);
  }

  async refuseAddress(grant: GatewayGrant, source: RawRequest): Promise<GatewayRefusal> {
    await this.note(grant, source, { reason: 'address_not_allowed', address: source.address });
    return new GatewayRefusal('address_not_allowed');
  }

  async refuseCall(grant: GatewayGrant, call: EffectiveCall, source: RawRequest): Promise<GatewayRefusal> {
    const route = `${call.methods.map((method) => method.toUpperCase()).join(' ')} ${this.#routes.of(call.segments, false)}`;
    await this.note(grant, source, { reason: 'path_not_allowed', route: route.slice(0, 200) });
    return new GatewayRefusal('path_not_allowed', { detail: 'The policy of this client does not allow this call.' });
  }

  private note(grant: GatewayGrant, source: RawRequest, details: { reason: string } & Record<string, string>) {
    const { clientId, tenant, product, connectionId } = grant;
    const { requestId } = source;
    return this.refusals.note({
      kind: details.reason,
      source: clientId,
      clientId,
      tenant,
      product,
      connectionId,
      requestId,
      details,
    });
  }
}
