import { describe, expect, it } from '@jest/globals';
import { readTraceContext } from '../../../../src/platform/http-server/trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const VALID = `00-${TRACE}-00f067aa0ba902b7-01`;

describe('readTraceContext', () => {
  it.each([
    VALID,
    `00-${TRACE}-00f067aa0ba902b7-00`,
    `cc-${TRACE}-00f067aa0ba902b7-01`,
    `01-${TRACE}-00f067aa0ba902b7-01-what`,
  ])('reads %s', (traceparent) => {
    expect(readTraceContext({ traceparent })).toEqual({ traceId: TRACE, traceparent, tracestate: null });
  });

  it('includes tracestate, whatever its number of members', () => {
    const tracestate = 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7';
    expect(readTraceContext({ traceparent: VALID, tracestate })?.tracestate).toBe(tracestate);
    expect(readTraceContext({ traceparent: VALID, tracestate: 'x'.repeat(513) })?.tracestate).toBeNull();
  });

  it.each([
    undefined,
    '',
    `${VALID}-more`,
    `ff-${TRACE}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`,
    `00-${TRACE}-00f067aa0ba902b7`,
    `${VALID}, ${VALID}`,
    `00-${TRACE}-00f067aa0ba902b7-01\n`,
  ])('returns null for an invalid traceparent: %j', (traceparent) => {
    expect(readTraceContext({ ...(traceparent === undefined ? {} : { traceparent }), tracestate: 'a=b' })).toBeNull();
  });
});
