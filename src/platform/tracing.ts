import type { IncomingHttpHeaders } from 'node:http';

/**
 * What a span may contain: names, codes, statuses, and counts. Never a URL, a value of a statement, a token, or an id
 * of a person, an account, or a tenant.
 */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface Span {
  set(attributes: SpanAttributes): void;
}

export interface SpanOptions {
  /** Of low cardinality: a route, or the name of a statement or an operation. */
  name: string;
  /** `client`: a call to another service. */
  kind: 'client' | 'internal';
  /** Create no span without a surrounding one: polls of background jobs would fill the collector. */
  needsParent?: boolean;
  attributes?: SpanAttributes;
}

/** The span of an incoming request, whose parent is the caller's. */
export interface RequestSpan {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** Runs the request's handler, whose spans become children. */
  enter<T>(handle: () => T): T;
  /** `name`: the method and the route. */
  end(name: string, status: number, attributes: SpanAttributes): void;
}

/** Sends spans to a collector. Absent unless tracing is configured. */
export interface Tracer {
  beginRequest(headers: IncomingHttpHeaders): RequestSpan;
  /** The span lasts until the work settles, and records a failure by its code. */
  run<T>(options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T>;
  /** Trace headers of the current span, for receivers that may see them. Meta may not. */
  headers(): Record<string, string>;
  /** Sends the remaining spans. Never rejects. */
  close(): Promise<void>;
}

/** Discards everything. */
export const NO_SPAN: Span = { set: () => undefined };

let tracer: Tracer | null = null;

/** Sets the tracer of this process; null switches tracing off. */
export function useTracer(next: Tracer | null): void {
  tracer = next;
}

/** Whether spans are sent, for callers on hot paths. */
export function isTracing(): boolean {
  return tracer !== null;
}

/** Begins the span of a request. Null if tracing is off. */
export function beginRequestSpan(headers: IncomingHttpHeaders): RequestSpan | null {
  return tracer === null ? null : tracer.beginRequest(headers);
}

/** Runs `work` in a span. If tracing is off, just runs it. */
export function inSpan<T>(options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T> {
  return tracer === null ? work(NO_SPAN) : tracer.run(options, work);
}

/** Trace headers for a call to a subscriber; empty if tracing is off. */
export function traceHeaders(): Record<string, string> {
  return tracer === null ? {} : tracer.headers();
}
