/** How the next Embedded Signups end. */
interface EmbeddedSignupSettings {
  /** FINISH stands for whichever finish event fits the signup. */
  event: string;
  order: 'message_first' | 'callback_first';
  /** Replaces the data of the session message. */
  data: Record<string, unknown> | null;
  /** The number that users bring. Default: verified. */
  phone?: 'verified' | 'unverified' | 'none';
  /** Whether the popup delivers its code; 'silent': it closes and the SDK never calls back. */
  code?: 'handed' | 'lost' | 'silent';
  /** Whether the session message is sent. */
  message?: 'sent' | 'lost';
  /** Scopes that signup tokens list instead of the configuration's, which work anyway; null lists the latter. */
  scopes?: string[] | null;
}

/** Selects among behaviors of Meta that are unconfirmed or occur in several forms. */
export interface SandboxSettings {
  defaultVersion: string | null;
  escapeBodies: boolean;
  oneFreshTokenPerDay: boolean;
  /** Whether an unchanged Page token is the same string each time, or a new one that works as well. */
  pageTokens: 'same' | 'fresh';
  /** Lifetimes in seconds of dialog tokens and long-lived tokens. */
  shortLifeSeconds: number;
  longLifeSeconds: number;
  dialogCodeSeconds: number;
  sdkCodeSeconds: number;
  instagramCodeSeconds: number;
  instagramExchangeShape: 'data' | 'flat';
  instagramUserId: 'number' | 'string';
  instagramPermissions: 'array' | 'string' | 'missing';
  threadsUserId: 'number' | 'string';
  /** Whether the old Threads dialog host redirects with or without the query. */
  threadsRedirect: 'keeps_query' | 'loses_query';
  /** Refresh of a token younger than 24 h: refuse it, or return the remaining lifetime. Unconfirmed at Meta. */
  earlyRefresh: 'refuse' | 'remaining_life';
  /** Refresh of a dead Instagram or Threads token: its 190, or code 100 (docs/meta-facts.md#refusals). */
  deadRefresh: 'token_error' | 'unsupported';
  /** Whether refreshing an Instagram or Threads token returns a new string. */
  refreshReturns: 'new_token' | 'same_token';
  batchOverflowStatus: number;
  whatsappAuthStatus: number;
  appTokenDebug: '2014' | '2026';
  emptySdkRedirect: 'accept' | 'refuse';
  /** Whether users grant scopes for all objects, now and later, or for the current ones (`target_ids`). */
  granularScopes: 'all' | 'named';
  /** Order of `target_ids`, which differs between tokens. */
  targetOrder: 'as_granted' | 'reversed';
  embeddedSignup: EmbeddedSignupSettings;
}

export type SettingsPatch = Partial<Omit<SandboxSettings, 'embeddedSignup'>> & {
  embeddedSignup?: Partial<EmbeddedSignupSettings>;
};

/** Values of rate-limit headers (docs/meta-facts.md#rate-limits); null omits a header. */
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
