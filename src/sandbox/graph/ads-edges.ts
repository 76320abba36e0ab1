import { oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok } from '../http/meta-response.ts';
import type { PostRecord, ReportRun } from '../state/records.ts';
import { requireScope, requireTokenView } from '../tokens/graph-caller.ts';
import type { EdgeContext, EdgeTable } from './graph-edge.ts';
import { listNodes } from './graph-edge.ts';
import { isReportDone, postView } from './node-views.ts';
import { pageOf } from './paging.ts';
import { videoPhase } from './upload-sessions.ts';

const DAY_MS = 86_400_000;
/** Days in a daily report. */
const REPORT_DAYS = 7;

/** Edges of ad accounts and their asynchronous reports. */
export const adsEdges: EdgeTable = {
  'GET adaccount/insights': (context) => insights(context, accountIdOf(context)),
  'POST adaccount/insights': (context) => {
    requireAdsRead(context);
    const { state, node, call } = context;
    const byDay = call.params.has('time_increment');
    const run: ReportRun = { id: state.store.nextId('60'), accountId: node.id, byDay, looks: 0 };
    state.store.addReport(run);
    return ok({ report_run_id: run.id });
  },
  'GET report/insights': (context) => {
    if (context.node.type !== 'report' || !isReportDone(context.node.record))
      throw oauthError(100, '(#100) The report has not completed yet');
    return insights(context, context.node.record.accountId.slice('act_'.length), context.node.record.byDay);
  },
  'GET adaccount/campaigns': (context) => listNodes<PostRecord>(context, 'campaigns', [], postView),
  'POST adaccount/adimages': (context) => {
    requireAdsManagement(context);
    const { call } = context;
    const file = call.files[0];
    const bytes = call.params.get('bytes');
    if (file === undefined && bytes === undefined) throw oauthError(100, '(#100) Requires a file or bytes');
    const name = file?.filename ?? 'bytes';
    const size = file?.size ?? Buffer.from(bytes ?? '', 'base64').length;
    return ok({ images: { [name]: { hash: context.state.store.nextId('82'), size } } });
  },
  'POST adaccount/advideos': (context) => {
    requireAdsManagement(context);
    const response = videoPhase(context);
    if (response !== null) return response;
    if (context.call.files[0] === undefined) throw oauthError(324, '(#324) Requires upload file');
    return ok({ id: context.state.store.nextId('81') });
  },
};

function requireAdsRead(context: EdgeContext): void {
  requireScope(requireTokenView(context.caller), 'ads_read', 'ads_management');
}

function requireAdsManagement(context: EdgeContext): void {
  requireScope(requireTokenView(context.caller), 'ads_management');
}

function accountIdOf({ node }: EdgeContext): string {
  return node.type === 'adaccount' ? node.record.accountId : node.id;
}

/** Returns yesterday's row or, with `time_increment`, a paged row for each of the last days. */
function insights(
  context: EdgeContext,
  accountId: string,
  byDay = context.call.params.has('time_increment'),
): MetaResponse {
  requireAdsRead(context);
  const { state, call, node } = context;
  const days = Array.from({ length: byDay ? REPORT_DAYS : 1 }, (_, index) =>
    new Date(state.now() - (index + 1) * DAY_MS).toISOString().slice(0, 10),
  );
  const row = (day: string) => ({
    account_id: accountId,
    impressions: '1024',
    clicks: '32',
    spend: '12.34',
    date_start: day,
    date_stop: day,
  });
  return ok(pageOf(call, `${state.publicUrl}/${call.host}`, `${node.id}/insights`, days, (day) => day, row));
}
