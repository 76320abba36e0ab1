import type { components, paths } from './schema.ts';

export type Schemas = components['schemas'];
export type Method = 'get' | 'post' | 'patch' | 'delete';

/** The paths that support this method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends { [K in M]: unknown } ? P : never;
}[keyof paths];

type OperationOf<M extends Method, P extends PathOf<M>> = paths[P] extends { [K in M]: infer O } ? O : never;

type PathPart<O> = O extends { parameters: { path: infer X } } ? { path: X } : unknown;
type QueryPart<O> = O extends { parameters: { query?: infer X } } ? { query?: X } : unknown;
type BodyPart<O> = O extends { requestBody: { content: { 'application/json': infer X } } }
  ? { body: X }
  : O extends { requestBody?: { content: { 'application/json': infer X } } }
    ? { body?: X }
    : unknown;

/** Options of every call. */
export interface CallOptions {
  /** Ends the call. */
  signal?: AbortSignal | undefined;
  /** Per attempt; default: the client's. */
  timeoutMs?: number | undefined;
  /** For operations that take one; default: a random one. */
  idempotencyKey?: string | undefined;
}

type RequestInput<M extends Method, P extends PathOf<M>> = PathPart<OperationOf<M, P>> &
  QueryPart<OperationOf<M, P>> &
  BodyPart<OperationOf<M, P>> &
  CallOptions;

/** The arguments after method and path: optional if the operation requires none. */
export type RequestRest<M extends Method, P extends PathOf<M>> =
  Record<never, never> extends RequestInput<M, P> ? [input?: RequestInput<M, P>] : [input: RequestInput<M, P>];

type BodyOf<R> = R extends { content: { 'application/json': infer X } } ? X : undefined;

/** The body of a success; undefined for 204. */
export type RequestResult<M extends Method, P extends PathOf<M>> =
  OperationOf<M, P> extends { responses: infer R }
    ? { [S in keyof R & (200 | 201 | 202 | 204)]: BodyOf<R[S]> }[keyof R & (200 | 201 | 202 | 204)]
    : never;

export type QueryOf<M extends Method, P extends PathOf<M>> =
  OperationOf<M, P> extends { parameters: { query?: infer X } } ? NonNullable<X> : never;
