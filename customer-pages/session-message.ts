/** What a message of Meta's pop-up says (docs/meta-facts.md#embedded-signup). */
export type SessionMessage =
  | { kind: 'finished'; fields: SignupFields }
  /** `details`: Meta's code and session, for support; empty if it was left. */
  | { kind: 'ended'; hasProblem: boolean; code: string | null; session: string | null };

/** Fields of the body of `complete` and `report`. */
export interface SignupFields {
  event?: string;
  waba_id?: string;
  phone_number_id?: string;
  business_id?: string;
}

const IDS = ['waba_id', 'phone_number_id', 'business_id'] as const;

/** Parses a message event; null if it is not Embedded Signup's. `messageOrigin`: an origin, or `.` and a domain. */
export function parseSessionMessage({ origin, data }: MessageEvent, messageOrigin: string): SessionMessage | null {
  if (!isTrusted(origin, messageOrigin)) return null;
  const message = toObject(data);
  if (message === null || message['type'] !== 'WA_EMBEDDED_SIGNUP') return null;
  const details = toObject(message['data']) ?? {};
  const event = String(message['event'] ?? '');
  // Every `FINISH…` is a success.
  if (event.startsWith('FINISH')) return { kind: 'finished', fields: { ...toEvent(event), ...toIds(details) } };
  return {
    kind: 'ended',
    hasProblem: Boolean(details['error_message'] || details['error_code']) || event === 'ERROR',
    code: toWord(details['error_code']),
    session: toWord(details['session_id']),
  };
}

function isTrusted(origin: string, messageOrigin: string): boolean {
  if (!messageOrigin.startsWith('.')) return origin === messageOrigin;
  const isDomain = origin === `https://${messageOrigin.slice(1)}`;
  return isDomain || (origin.startsWith('https://') && origin.endsWith(messageOrigin));
}

/** Old versions send JSON text. */
function toObject(value: unknown): Record<string, unknown> | null {
  let given = value;
  if (typeof given === 'string') {
    try {
      given = JSON.parse(given);
    } catch {
      return null;
    }
  }
  return typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : null;
}

function toEvent(event: string): Pick<SignupFields, 'event'> {
  return /^[A-Z_]{1,64}$/.test(event) ? { event } : {};
}

function toIds(details: Record<string, unknown>): SignupFields {
  const found = IDS.map((name) => [name, String(details[name] ?? '')] as const);
  return Object.fromEntries(found.filter(([, id]) => /^[0-9]{1,32}$/.test(id)));
}

function toWord(value: unknown): string | null {
  const word = String(value ?? '');
  return /^[\w-]{1,64}$/.test(word) ? word : null;
}
