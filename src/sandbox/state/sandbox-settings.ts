/** How Embedded Signup ends for the next people. */
interface EmbeddedSignupSettings {
  /** FINISH is whatever fits what the person brought. */
  event: string;
  order: 'message_first' | 'callback_first';
  /** The data of the session message, in place of what fits. */
  data: Record<string, unknown> | null;
  /** The number that people bring: a verified one by default. */
  phone?: 'verified' | 'unverified' | 'none';
  /** Whether the popup hands its code over; 'silent': it closes, and the SDK never calls back. */
  code?: 'handed' | 'lost' | 'silent';
  /** Whether the session message comes. */
  message?: 'sent' | 'lost';
  /** The scopes that tokens of signups name, while those of the configuration hold all the same; null names those. */
  scopes?: string[] | null;
}

/** Which of the behaviors that META.md marks UNCONFIRMED, or that Meta shows in several forms, is simulated. */
export interface SandboxSettings {
  defaultVersion: string | null;
  escapeBodies: boolean;
  oneFreshTokenPerDay: boolean;
  /** Whether an unchanged page token is the same string at each look, or a new one that works as well. */
  pageTokens: 'same' | 'fresh';
  /** Life of dialog tokens and of long-lived ones, seconds. */
  shortLifeSeconds: number;
  longLifeSeconds: number;
  dialogCodeSeconds: number;
  sdkCodeSeconds: number;
  instagramCodeSeconds: number;
  instagramExchangeShape: 'data' | 'flat';
  instagramUserId: 'number' | 'string';
  instagramPermissions: 'array' | 'string' | 'missing';
  threadsUserId: 'number' | 'string';
  /** Whether the old host of Threads' dialog sends people on with the query, or without it. */
  threadsRedirect: 'keeps_query' | 'loses_query';
  /** A refresh of a token younger than 24 h: refused, or the token's remaining lifetime (META.md 20 #1). */
  earlyRefresh: 'refuse' | 'remaining_life';
  /** What the refresh of a dead Instagram or Threads token answers: its 190, or code 100 (docs/meta-facts.md). */
  deadRefresh: 'token_error' | 'unsupported';
  /** Whether a refreshed Instagram or Threads token is a new string. */
  refreshReturns: 'new_token' | 'same_token';
  batchOverflowStatus: number;
  whatsappAuthStatus: number;
  appTokenDebug: '2014' | '2026';
  emptySdkRedirect: 'accept' | 'refuse';
  /** Whether people give a scope for all objects, now and in future, or name those that there are (`target_ids`). */
  granularScopes: 'all' | 'named';
  /** The order of `target_ids` differs from token to token. */
  targetOrder: 'as_granted' | 'reversed';
  embeddedSignup: EmbeddedSignupSettings;
}

export type SettingsPatch = Partial<Omit<SandboxSettings, 'embeddedSignup'>> & {
  embeddedSignup?: Partial<EmbeddedSignupSettings>;
};

/** The values of the rate-limit headers (META.md 13); null leaves a header out. */
export interface UsageSettings {
  app: Record<string, number> | null;
  instagramApp: Record<string, number> | null;
  page: Record<string, number> | null;
  adAccount: Record<string, unknown> | null;
  business: Record<string, unknown> | null;
  insightsThrottle: Record<string, unknown> | null;
}

export const defaultSettings: SandboxSettings = {
  defaultVersion: null,
  escapeBodies: true,
  oneFreshTokenPerDay: false,
  pageTokens: 'same',
  shortLifeSeconds: 5_400,
  longLifeSeconds: 5_183_944,
  dialogCodeSeconds: 600,
  sdkCodeSeconds: 30,
  instagramCodeSeconds: 3_600,
  instagramExchangeShape: 'data',
  instagramUserId: 'number',
  instagramPermissions: 'string',
  threadsUserId: 'number',
  threadsRedirect: 'keeps_query',
  earlyRefresh: 'refuse',
  deadRefresh: 'token_error',
  refreshReturns: 'new_token',
  batchOverflowStatus: 400,
  whatsappAuthStatus: 401,
  appTokenDebug: '2026',
  emptySdkRedirect: 'accept',
  granularScopes: 'all',
  targetOrder: 'as_granted',
  embeddedSignup: { event: 'FINISH', order: 'message_first', data: null },
};

export const defaultUsage: UsageSettings = {
  app: { call_count: 0, total_cputime: 0, total_time: 0 },
  instagramApp: { call_volume: 0, cpu_time: 0 },
  page: null,
  adAccount: null,
  business: null,
  insightsThrottle: null,
};
