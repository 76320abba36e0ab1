import { Inject, Injectable } from '@nestjs/common';
import { isInRanges } from '../../auth/limits/ip-allow-list.ts';
import { RefusalListener } from '../../auth/refusal-listener.ts';
import type { GatewayGrant } from '../../leases/gateway-lease-verifier.ts';
import type { RawRequestContext } from '../../platform/http-server/raw-http-handler.ts';
import { GatewayError } from '../gateway-error.ts';
import { RoutePatterns } from '../route-patterns.ts';
import { type EffectiveCall, isCovered } from './call-rules.ts';

/** The restrictions of a lease's client. Reports refusals for the audit log. */
@Injectable()
export class CallPolicy {
  readonly #routes = new RoutePatterns();

  constructor(@Inject(RefusalListener) private readonly refusals: RefusalListener) {}

  isAddressAllowed({ ipAllowList }: GatewayGrant, { address }: RawRequestContext): boolean {
    return ipAllowList === null || isInRanges(ipAllowList, address);
  }

  /** Whether the client's `allow` covers the call. */
  covers({ allow }: GatewayGrant, call: EffectiveCall): boolean {
    return allow === null || isCovered(allow, call);
  }

  async refuseAddress(grant: GatewayGrant, source: RawRequestContext): Promise<GatewayError> {
    await this.report(grant, source, { reason: 'address_not_allowed', address: source.address });
    return new GatewayError('address_not_allowed');
  }

  async refuseCall(grant: GatewayGrant, call: EffectiveCall, source: RawRequestContext): Promise<GatewayError> {
    const route = `${call.methods.map((method) => method.toUpperCase()).join(' ')} ${this.#routes.of(call.segments, false)}`;
    await this.report(grant, source, { reason: 'path_not_allowed', route: route.slice(0, 200) });
    return new GatewayError('path_not_allowed', { detail: 'The policy of this client does not allow this call.' });
  }

  private report(grant: GatewayGrant, source: RawRequestContext, details: { reason: string } & Record<string, string>) {
    const { clientId, tenant, product, connectionId } = grant;
    const { requestId } = source;
    return this.refusals.report({
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
