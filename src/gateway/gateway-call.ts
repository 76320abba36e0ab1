import type { GatewayGrant } from '../leases/gateway-lease-verifier.ts';
import type { RawRequestContext } from '../platform/http-server/raw-http-handler.ts';
import type { CallBody } from './request/call-body.ts';
import type { CallTarget } from './request/call-target.ts';
import type { GatewayPath } from './request/gateway-path.ts';
import type { ControlParameters, Parameter } from './request/parameters.ts';

/** A call that may pass: what the request parser makes, and the rest of the gateway works on. */
export interface GatewayCall {
  grant: GatewayGrant;
  source: RawRequestContext;
  /** As the caller gave it: it stands in answers where Meta's token would. */
  leaseToken: string;
  path: GatewayPath;
  target: CallTarget;
  query: Parameter[];
  body: CallBody;
  controls: ControlParameters;
  isBatch: boolean;
  /** Of a batch: what each item runs on, once they are rewritten. */
  itemGrants: GatewayGrant[];
  /** The HTTP method for Meta. */
  method: string;
  /** Reads nothing but what is there: may be asked twice. */
  isRead: boolean;
}
