import type { AppRateLimitState } from './rate-limit/rate-limit-rules.ts';

/** Maximum number of apps with their own label, so that metrics stay few, however many apps there are. */
const MAX_LABELS = 50;
const OTHER = 'other';

/** Returns the label of each app: its id for the 50 busiest by their use of Meta's limits, `other` for the rest. */
export function chooseAppLabels(
  states: readonly ({ appId: string } & Pick<AppRateLimitState, 'usagePercent' | 'throttles'>)[],
): (appId: string) => string {
  const busiest = [...states]
    .sort((a, b) => b.usagePercent - a.usagePercent || b.throttles - a.throttles || (a.appId < b.appId ? -1 : 1))
    .slice(0, MAX_LABELS);
  const labeled = new Set(busiest.map(({ appId }) => appId));
  return (appId) => (labeled.has(appId) || labeled.size < MAX_LABELS ? appId : OTHER);
}
