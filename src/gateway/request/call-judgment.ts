import { type EffectiveCall, findRefusalReason, isCovered, isNamed } from './call-rules.ts';
import { parseGatewayPath, policySegments } from './gateway-path.ts';
import { findWebhookReason } from './webhook-rules.ts';

/** Whether the gateway would accept a call, and which pattern allows it. */
export interface CallJudgment {
  isAllowed: boolean;
  /** The pattern of the policy that allows it; null: none is needed, or none does. */
  pattern: string | null;
  /** Why it is refused, in the gateway's words; null: it is allowed. */
  reason: string | null;
}

/**
 * Returns why a policy's patterns (null: every call) refuse a call, as a text for the client; null if they do not.
 * `isCall` false: the envelope of a batch, which they need not cover.
 */
export function findPolicyReason(
  allow: readonly string[] | null,
  call: EffectiveCall,
  { isCall = true }: { isCall?: boolean } = {},
): string | null {
  if (isCall && allow !== null && !isCovered(allow, call)) return 'The policy of this client does not allow this call.';
  const reason = findWebhookReason(call);
  return reason !== null && !(allow !== null && isNamed(allow, call)) ? reason : null;
}

/**
 * Judges a call by method and path (`/123/messages`, with or without the version and `/graph`) without making it.
 * Anything its body could add (`method=`, `ids=`, a batch) is judged when the call is made.
 */
export function judgeCall(allow: readonly string[] | null, method: string, path: string): CallJudgment {
  const parsed = parseGatewayPath(path) ?? parseGatewayPath(`/graph${path}`);
  if (parsed === null) return { isAllowed: false, pattern: null, reason: 'This is not a plain Graph API path.' };
  const none = { fields: [], ids: [], callbacks: [] };
  const call: EffectiveCall = { ...none, methods: [method.toLowerCase()], segments: parsed.segments };
  const own = { ...call, segments: policySegments(parsed) };
  const reason = findRefusalReason(call) ?? findPolicyReason(allow, own);
  if (reason !== null) return { isAllowed: false, pattern: null, reason };
  return { isAllowed: true, pattern: allow?.find((pattern) => isCovered([pattern], own)) ?? null, reason: null };
}
