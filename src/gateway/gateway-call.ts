import type { GatewayGrant } from '../leases/gateway-lease-verifier.ts';
import type { RawRequestContext } from '../platform/http-server/raw-http-handler.ts';
import type { CallBody } from './request/call-body.ts';
import type { CallTarget } from './request/call-target.ts';
import type { GatewayPath } from './request/gateway-path.ts';
import type { ControlParameters, Parameter } from './request/parameters.ts';

/** A call that the request parser accepted. */
export interface GatewayCall {
  grant: GatewayGrant;
  source: RawRequestContext;
  /** As the client sent it. Replaces Meta's token in responses. */
  leaseToken: string;
  path: GatewayPath;
  target: CallTarget;
  query: Parameter[];
  body: CallBody;
  controls: ControlParameters;
  isBatch: boolean;
  /** The grant of each item of a batch, filled in while the batch is rewritten. */
  itemGrants: GatewayGrant[];
  /** HTTP method of the request to Meta. */
  method: string;
  /** Has no side effects, so it may be retried. */
  isRead: boolean;
  /** The client's `If-None-Match`; null without one and for calls that don't read. */
  ifNoneMatch: string | null;
}
