import type { MetaCause } from '../../platform/problem.ts';
import { asObject, field, type Json, type JsonObject, readNumber, readText } from '../graph/lossless-json.ts';

/**
 * Meta's error shapes (docs/meta-facts.md#errors):
 * `graph` `{error:{message,type,code,error_subcode,…}}`;
 * `instagram` `{error_type,code,error_message}`, where `code` is the HTTP status;
 * `batch_legacy` `{error_code,error_description}`;
 * `inspection` `data.error` of debug_token, with `subcode`.
 */
export type ErrorEnvelope = 'graph' | 'instagram' | 'batch_legacy' | 'inspection';

/** The fields of a Meta error without its texts, which are localized and quote tokens. */
export interface GraphErrorFields {
  envelope: ErrorEnvelope;
  code: number | null;
  subcode: number | null;
  isTransient: boolean | null;
  type: string | null;
  fbtraceId: string | null;
}

const TYPE = /^[A-Za-z]{1,64}$/;
const TRACE = /^[A-Za-z0-9_+/=-]{1,40}$/;

/** Reads the error in a response body, whatever its status. Returns null if there is none. Never throws. */
export function readGraphError(body: Json | undefined): GraphErrorFields | null {
  const object = asObject(body);
  if (object === null) return null;
  const error = asObject(field(object, 'error'));
  if (error !== null) return read('graph', error, 'error_subcode');
  if (field(object, 'error_type') !== undefined && field(object, 'error_message') !== undefined) {
    return { ...read('instagram', object, 'error_subcode'), type: matchOrNull(readText(object, 'error_type'), TYPE) };
  }
  const legacyCode = readNumber(object, 'error_code');
  if (legacyCode !== null) return { ...read('batch_legacy', object, 'error_subcode'), code: legacyCode };
  return null;
}

/** Reads `data.error` of a debug_token response, whose key is `subcode`. Returns null if there is none. */
export function readInspectionError(data: JsonObject | null): GraphErrorFields | null {
  const error = asObject(field(data, 'error'));
  if (error === null) return null;
  const fields = read('inspection', error, 'subcode');
  return fields.subcode === null ? { ...fields, subcode: readNumber(error, 'error_subcode') } : fields;
}

function read(envelope: ErrorEnvelope, error: JsonObject, subcodeKey: string): GraphErrorFields {
  const transient = field(error, 'is_transient');
  return {
    envelope,
    code: readNumber(error, 'code'),
    subcode: readNumber(error, subcodeKey),
    isTransient: typeof transient === 'boolean' ? transient : null,
    type: matchOrNull(readText(error, 'type'), TYPE),
    fbtraceId: matchOrNull(readText(error, 'fbtrace_id'), TRACE),
  };
}

function matchOrNull(value: string | null, pattern: RegExp): string | null {
  return value !== null && pattern.test(value) ? value : null;
}

/** Returns a header value if it looks like a trace id, else null. */
export function readTraceId(value: string | string[] | undefined): string | null {
  return typeof value === 'string' ? matchOrNull(value, TRACE) : null;
}

/** Returns the part of an error that is safe to show to clients and to store. */
export function toMetaCause(fields: GraphErrorFields | null, fallbackTraceId: string | null = null): MetaCause {
  const trace = fields?.fbtraceId ?? fallbackTraceId;
  return {
    ...(fields?.code == null ? {} : { code: fields.code }),
    ...(fields?.subcode == null ? {} : { subcode: fields.subcode }),
    ...(fields?.type == null ? {} : { type: fields.type }),
    ...(trace === null ? {} : { fbtrace_id: trace }),
  };
}
