export type { BusinessSdkApiClass } from './business-sdk.ts';
export { Metavault, type MetavaultOptions } from './client.ts';
export type { ListedConnection } from './connections.ts';
export { GraphError, type InputError, type MetaCause, MetavaultError, UnreachableError } from './errors.ts';
export {
  type EventHeaders,
  EventVerificationError,
  EventVerifier,
  type EventVerifierOptions,
  type MetavaultEvent,
} from './events.ts';
export type { Graph, GraphParameters } from './graph.ts';
export type { AttemptOutcome, Hooks, RequestAttempt } from './hooks.ts';
export type { GraphInit, IssuedLease, Lease, LeaseTarget } from './lease.ts';
export type { CallOptions, Method, PathOf, RequestResult, Schemas } from './operation-types.ts';
export type { components, paths, webhooks } from './schema.ts';
