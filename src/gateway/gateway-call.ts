import type { GatewayGrant } from '../leases/gateway-lease-verifier.ts';
import type { RawRequestContext } from '../platform/http-server/raw-http-handler.ts';
import type { CallBody } from './request/call-body.ts';
import type { CallTarget } from './request/call-target.ts';
import type { GatewayPath } from './request/gateway-path.ts';
import type { ControlParameters, Parameter } from './request/parameters.ts';

/** An accepted call: made by the request parser, used by the rest of the gateway. */
export interface GatewayCall {
  grant: GatewayGrant;
  source: RawRequestContext;
  /** As the client sent it; it replaces Meta's token in responses. */
  leaseToken: string;
  path: GatewayPath;
  target: CallTarget;
  query: Parameter[];
  body: CallBody;
  controls: ControlParameters;
  isBatch: boolean;
  /** For a batch: the grant of each item, once they are rewritten. */
  itemGrants: GatewayGrant[];
  /** The HTTP method for Meta. */
  method: string;
  /** Has no side effects: may be called twice. */
  isRead: boolean;
  /** `If-None-Match` of the client; null without one, and where nothing is read. */
  ifNoneMatch: string | null;
}
