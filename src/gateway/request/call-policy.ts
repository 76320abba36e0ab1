import { Inject, Injectable } from '@nestjs/common';
import { isInRanges } from '../../auth/limits/ip-allow-list.ts';
import { RefusalListener } from '../../auth/refusal-listener.ts';
import type { GatewayGrant } from '../../leases/gateway-lease-verifier.ts';
import type { RawRequestContext } from '../../platform/http-server/raw-http-handler.ts';
import { GatewayError } from '../gateway-error.ts';
import { RoutePatterns } from '../route-patterns.ts';
import { findPolicyReason } from './call-judgment.ts';
import type { EffectiveCall } from './call-rules.ts';
import { RegistrationGuard } from './registration-guard.ts';

/**
 * Restricts calls by the policy of the lease's client and by what its connection reaches. Reports refusals for the
 * audit log.
 */
@Injectable()
export class CallPolicy {
  readonly #routes = new RoutePatterns();

  constructor(
    @Inject(RefusalListener) private readonly refusals: RefusalListener,
    @Inject(RegistrationGuard) private readonly registrations: RegistrationGuard,
  ) {}

  isAddressAllowed({ ipAllowList }: GatewayGrant, { address }: RawRequestContext): boolean {
    return ipAllowList === null || isInRanges(ipAllowList, address);
  }

  /**
   * Throws `path_not_allowed` if the client's `allow` does not cover the call, or does not name a call that moves
   * webhooks, and `registration_not_allowed` for a number that must not be registered. `isCall` false: the envelope of
   * a batch, which `allow` need not cover.
   */
  async authorize(
    grant: GatewayGrant,
    call: EffectiveCall,
    source: RawRequestContext,
    { isCall = true }: { isCall?: boolean } = {},
  ): Promise<void> {
    const reason = findPolicyReason(grant.allow, call, { isCall });
    if (reason !== null) throw await this.refuseCall(grant, call, source, reason);
    await this.registrations.assertAllowed(grant.connectionId, call);
  }

  async refuseAddress(grant: GatewayGrant, source: RawRequestContext): Promise<GatewayError> {
    await this.report(grant, source, { reason: 'address_not_allowed', address: source.address });
    return new GatewayError('address_not_allowed');
  }

  private async refuseCall(
    grant: GatewayGrant,
    call: EffectiveCall,
    source: RawRequestContext,
    detail: string,
  ): Promise<GatewayError> {
    const route = `${call.methods.map((method) => method.toUpperCase()).join(' ')} ${this.#routes.of(call.segments, false)}`;
    await this.report(grant, source, { reason: 'path_not_allowed', route: route.slice(0, 200) });
    return new GatewayError('path_not_allowed', { detail });
  }

  private report(grant: GatewayGrant, source: RawRequestContext, details: { reason: string } & Record<string, string>) {
    const { clientId, tenant, product, connectionId } = grant;
    const { requestId } = source;
    return this.refusals.report({
      kind: details.reason,
      source: clientId,
      caller: { clientId },
      tenant,
      product,
      connectionId,
      requestId,
      details,
    });
  }
}
