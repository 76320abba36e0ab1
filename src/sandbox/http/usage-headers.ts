import type { SandboxState } from '../state/sandbox-state.ts';
import type { GraphCall } from './graph-call.ts';

/** Returns a call's rate-limit headers, by the kind of its token and its node (docs/meta-facts.md#rate-limits). */
export function usageHeaders(state: SandboxState, call: GraphCall): [string, string][] {
  const { usage } = state.store;
  const headers: [string, string][] = [];
  const add = (name: string, value: unknown) => {
    if (value !== null && value !== undefined) headers.push([name, JSON.stringify(value)]);
  };
  if (call.host === 'graph.instagram.com') {
    add('x-app-usage', usage.instagramApp);
    return headers;
  }
  const kind = call.view?.claims.kind;
  const first = call.path[0] ?? '';
  if (kind === 'page' || kind === 'system_user')
    add('x-business-use-case-usage', usage.business ?? defaultBusiness(state, call));
  else add('x-app-usage', usage.app);
  if (kind === 'page') add('x-page-usage', usage.page);
  if (first.startsWith('act_')) {
    add('x-ad-account-usage', usage.adAccount);
    if (call.path[1] === 'insights')
      add('x-fb-ads-insights-throttle', usage.insightsThrottle ?? { app_id_util_pct: 0, acc_id_util_pct: 0 });
  }
  return headers;
}

/** As recorded for WhatsApp messages in 2025. The form for Pages is assumed to be the same. */
function defaultBusiness(state: SandboxState, call: GraphCall): Record<string, unknown> {
  const entry = (type: string) => ({
    type,
    call_count: 1,
    total_cputime: 1,
    total_time: 1,
    estimated_time_to_regain_access: 0,
  });
  const pageId = call.view?.claims.pageId;
  if (pageId !== undefined && pageId !== null) return { [pageId]: [entry('pages')] };
  const first = call.path[0] ?? '';
  const waba =
    state.store.phones.get(first)?.wabaId ?? (state.store.wabas.has(first) ? first : call.view?.principal.businessId);
  return { [waba ?? '0']: [entry('whatsapp_business_management'), entry('whatsapp')] };
}
