import { type GraphFailure, throttleFailure } from '../http/graph-error.ts';
import type { MetaResponse } from '../http/meta-response.ts';
import type { Fault } from './fault-script.ts';

/** Returns the Graph error of a fault, or null for other faults. */
export function failureOfFault(fault: Fault): GraphFailure | null {
  if (fault.kind === 'throttle') return throttleFailure(fault.code ?? 4, fault.subcode);
  if (fault.kind !== 'graph_error') return null;
  const { kind: _kind, ...given } = fault;
  return { status: 400, message: `(#${fault.code}) Scripted failure`, type: 'OAuthException', ...given };
}

/** Returns the response that a fault sends instead of making the call, or null if the call proceeds. */
export function responseOfFault(fault: Fault): MetaResponse | null {
  const failure = failureOfFault(fault);
  if (failure !== null) {
    const usage =
      fault.kind === 'throttle' && fault.usage !== undefined
        ? { headers: [['x-app-usage', JSON.stringify(fault.usage)] as [string, string]] }
        : {};
    return { status: failure.status, failure, ...usage };
  }
  if (fault.kind === 'status') {
    const headers = Object.entries(fault.headers ?? {});
    const content =
      typeof fault.body === 'string'
        ? { text: fault.body, contentType: fault.contentType ?? 'text/plain' }
        : { json: fault.body ?? {} };
    return { status: fault.status, headers, ...content };
  }
  if (fault.kind === 'html') {
    return {
      status: fault.status ?? 503,
      text:
        '<!DOCTYPE html>\n<html lang="en" id="facebook"><head><title>Error</title></head>' +
        '<body><p>Sorry, something went wrong.</p></body></html>\n',
      contentType: 'text/html; charset="utf-8"',
    };
  }
  // Meta's Python SDK guards against exactly this text with status 200 (docs/meta-facts.md#response-headers).
  if (fault.kind === 'text_200')
    return { status: 200, text: fault.text ?? 'Service Unavailable', contentType: 'text/plain' };
  return null;
}
