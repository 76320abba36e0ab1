import type { AppRow } from '../../apps/app-row.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import type { MetaApp, MetaApps } from '../../meta/meta-apps.ts';
import type { MetaClient } from '../../meta/meta-client.ts';
import type { MetaClients } from '../../meta/meta-clients.ts';
import { attention, type Finding, fine, wrong } from './finding.ts';

/**
 * Further apps are left out, because a person is waiting for the result. `GET /v1/apps/{app_id}` checks any single app.
 */
const MAX_CHECKED = 200;
const CONCURRENCY = 8;

interface FurtherApps {
  /** Lists up to `limit` apps that were created over the API. */
  list(limit: number): Promise<readonly AppRow[]>;
  apps: MetaApps;
  clients: MetaClients;
  publicUrl: string;
}

/** Checks with Meta each app that was created over the API. Returns nothing if there is none. */
export async function checkFurtherApps({ list, apps, clients, publicUrl }: FurtherApps): Promise<Finding[]> {
  const rows = await list(MAX_CHECKED + 1);
  if (rows.length === 0) return [];
  const findings: Finding[] = [];
  const queue = rows.slice(0, MAX_CHECKED).values();
  const worker = async (): Promise<void> => {
    for (const { app_id: id } of queue) {
      const app = await apps.findOwn(id);
      if (app === null) findings.push(wrong('meta_app', `The row of app ${id} is not genuine.`, FORGED));
      else findings.push(...(await checkApp(app, clients.as(app), `${publicUrl}/webhooks/meta/${id}`)));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  const isCut = rows.length > MAX_CHECKED;
  return [
    ...findings,
    ...(findings.length === 0
      ? [fine('meta_app', `Meta accepts all ${isCut ? 'checked' : rows.length} further apps`)]
      : []),
    ...(isCut ? [attention('meta_app', `Only the first ${MAX_CHECKED} further apps were checked.`, ASK_SINGLY)] : []),
  ];
}

const FORGED = 'See the audit record for who changed it, and restore it from a backup or add the app again.';
const ASK_SINGLY = 'Ask about the others with GET /v1/apps/{app_id}.';

async function checkApp(app: MetaApp, { app: api }: MetaClient, url: string): Promise<Finding[]> {
  const check = await api.verifyAppCredentials();
  if (!check.ok) {
    const code = check.meta.code === undefined ? '' : ` (code ${check.meta.code})`;
    if (check.verdict.kind === 'transient' || check.verdict.kind === 'throttled')
      return [attention('meta_app', `Could not ask Meta about app ${app.id}${code}.`, 'Try again later.')];
    const remedy = `Send its secret to POST /v1/apps/${app.id}/secret, or check the app in Meta's dashboard.`;
    return [wrong('meta_app', `Meta does not accept app ${app.id} with its secret${code}.`, remedy)];
  }
  try {
    const subscriptions = await api.listSubscriptions();
    if (subscriptions.some(({ callbackUrl, active }) => callbackUrl === url && active)) return [];
    const detail = `Meta sends no webhooks of app ${app.id} here: only the daily inspection notices lost access.`;
    return [attention('webhook_subscriptions', detail, `In its dashboard, under Webhooks, enter ${url}.`)];
  } catch (error) {
    if (!(error instanceof MetaError)) throw error;
    const detail = `Meta did not list the webhook subscriptions of app ${app.id} (${error.verdict.kind}).`;
    return [attention('webhook_subscriptions', detail, 'Try again later.')];
  }
}
