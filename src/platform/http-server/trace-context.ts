import type { IncomingHttpHeaders } from 'node:http';

/** A request's trace (W3C Trace Context). */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  traceId: string;
  traceparent: string;
  /** Vendor data; null if missing. */
  tracestate: string | null;
}

/** Version, trace id, parent id, flags. Later versions may append more (W3C Trace Context 3.2, 4.3). */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[\x21-\x7e]*)?$/;
const MAX_HEADER_LENGTH = 512;

/** Reads the trace headers. Returns null without a valid `traceparent`, whatever `tracestate` says. */
export function readTraceContext(headers: IncomingHttpHeaders): TraceContext | null {
  const { traceparent, tracestate } = headers;
  if (typeof traceparent !== 'string' || traceparent.length > MAX_HEADER_LENGTH) return null;
  const [, version, traceId, more] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || (version === '00' && more !== undefined)) return null;
  const state =
    typeof tracestate === 'string' && tracestate !== '' && tracestate.length <= MAX_HEADER_LENGTH ? tracestate : null;
  return { traceId, traceparent, tracestate: state };
}
