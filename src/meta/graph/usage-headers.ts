import type { IncomingHttpHeaders } from 'node:http';
import {
  asObject,
  type Json,
  type JsonObject,
  objectsOf,
  parseLossless,
  readNumber,
  readText,
} from './lossless-json.ts';

/** One limit of one object. `percent` may exceed 100. */
interface UsageEntry {
  /** Page, ad account, WhatsApp account, …; null if the header does not name it. */
  objectId: string | null;
  /** Meta's name (`pages`, `ads_insights`, `whatsapp` …), or ours: `page`, `ad_account`, `ads_insights_app`, … */
  type: string;
  percent: number;
  /** Seconds until calls are accepted again; 0: now. */
  regainAccessSeconds: number;
}

/** The usage headers of a response, converted to percent and seconds (docs/meta-facts.md#rate-limits). */
export interface UsageReport {
  /** The app's highest usage; null if no header reports it. */
  appUsagePercent: number | null;
  entries: UsageEntry[];
  /** From `Retry-After`; null if missing. */
  retryAfterSeconds: number | null;
}

/** Returns the longest time until an object may be called again, or null if all may be called now. */
export function longestRegainSeconds({ entries }: Pick<UsageReport, 'entries'>): number | null {
  const longest = Math.max(0, ...entries.map((entry) => entry.regainAccessSeconds));
  return longest > 0 ? longest : null;
}

const NAME = /^[\w:.-]{1,64}$/;
/** Meta sends up to 32 objects. Entries beyond this are ignored. */
const MAX_ENTRIES = 256;

/** Reads all usage headers. Broken JSON counts as missing. Header names must be lowercase. Never throws. */
export function readUsageHeaders(headers: IncomingHttpHeaders): UsageReport {
  const app = header(headers, 'x-app-usage');
  const entries = [
    ...gauge(header(headers, 'x-page-usage'), 'page'),
    ...adAccount(header(headers, 'x-ad-account-usage')),
    ...insights(header(headers, 'x-fb-ads-insights-throttle')),
    ...businessUseCases(header(headers, 'x-business-use-case-usage')),
  ].slice(0, MAX_ENTRIES);
  return {
    appUsagePercent: app === null ? null : highest(app),
    entries,
    retryAfterSeconds: retryAfter(headers),
  };
}

function header(headers: IncomingHttpHeaders, name: string): JsonObject | null {
  const value = headers[name];
  const text = Array.isArray(value) ? value[0] : value;
  return text === undefined ? null : asObject(parseLossless(text));
}

/** Returns the highest gauge. graph.instagram.com uses its own names (docs/meta-facts.md#rate-limits). */
function highest(usage: JsonObject): number | null {
  const gauges = ['call_count', 'total_cputime', 'total_time', 'call_volume', 'cpu_time']
    .map((name) => readNumber(usage, name))
    .filter((value) => value !== null);
  return gauges.length === 0 ? null : Math.max(0, ...gauges);
}

function gauge(usage: JsonObject | null, type: string): UsageEntry[] {
  const percent = usage === null ? null : highest(usage);
  return percent === null ? [] : [{ objectId: null, type, percent, regainAccessSeconds: 0 }];
}

/** `reset_time_duration` is in seconds and only counts once the account is at its limit. */
function adAccount(usage: JsonObject | null): UsageEntry[] {
  const percent = readNumber(usage, 'acc_id_util_pct');
  if (percent === null) return [];
  const regainAccessSeconds = percent >= 100 ? Math.max(0, readNumber(usage, 'reset_time_duration') ?? 0) : 0;
  return [{ objectId: null, type: 'ad_account', percent, regainAccessSeconds }];
}

function insights(usage: JsonObject | null): UsageEntry[] {
  return (['app', 'acc'] as const).flatMap((part) => {
    const percent = readNumber(usage, `${part}_id_util_pct`);
    const type = part === 'app' ? 'ads_insights_app' : 'ads_insights_account';
    return percent === null ? [] : [{ objectId: null, type, percent, regainAccessSeconds: 0 }];
  });
}

/** `estimated_time_to_regain_access` is in minutes. */
function businessUseCases(usage: JsonObject | null): UsageEntry[] {
  return Object.entries(usage ?? {}).flatMap(([objectId, list]: [string, Json]) =>
    objectsOf(list).flatMap((entry) => {
      const type = readText(entry, 'type') ?? 'unknown';
      if (!NAME.test(objectId) || !NAME.test(type)) return [];
      const minutes = Math.max(0, readNumber(entry, 'estimated_time_to_regain_access') ?? 0);
      return [{ objectId, type, percent: highest(entry) ?? 0, regainAccessSeconds: minutes * 60 }];
    }),
  );
}

/** Reads `Retry-After` in seconds. Meta is not known to send it, but a proxy may. */
function retryAfter(headers: IncomingHttpHeaders): number | null {
  const value = headers['retry-after'];
  return typeof value === 'string' && /^\d{1,6}$/.test(value) && Number(value) > 0 ? Number(value) : null;
}
