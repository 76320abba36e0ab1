import type { IncomingHttpHeaders } from 'node:http';

/** What a request says about the trace it belongs to (W3C Trace Context). */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  traceId: string;
  /** Passed on unchanged, because this service creates no spans of its own. */
  traceparent: string;
  /** What tracing vendors add; null if there is none. */
  tracestate: string | null;
}

/** Version, trace id, parent id, flags; a later version may have more behind them (W3C Trace Context 3.2, 4.3). */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[\x21-\x7e]*)?$/;
const MAX_HEADER_LENGTH = 512;

/** Null without a valid `traceparent`; `tracestate` is then ignored as well. */
export function readTraceContext(headers: IncomingHttpHeaders): TraceContext | null {
  const { traceparent, tracestate } = headers;
  if (typeof traceparent !== 'string' || traceparent.length > MAX_HEADER_LENGTH) return null;
  const [, version, traceId, more] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || (version === '00' && more !== undefined)) return null;
  const state =
    typeof tracestate === 'string' && tracestate !== '' && tracestate.length <= MAX_HEADER_LENGTH ? tracestate : null;
  return { traceId, traceparent, tracestate: state };
}
