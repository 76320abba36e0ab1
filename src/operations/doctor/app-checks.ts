import type { AppCredentials, Config } from '../../config/config.ts';
import type { AppApi, AppCheck } from '../../meta/app-api.ts';
import { attention, type Finding, fine, wrong } from './finding.ts';
import { checkVersion } from './version-checks.ts';

/** The format in Meta's dashboard: digits, and 32 hexadecimal digits. */
const APP_ID = /^\d{5,20}$/;
const APP_SECRET = /^[0-9a-f]{32}$/;

/** Checks that ids and secrets are well-formed and that Meta accepts them. */
export async function checkApps(
  { meta }: Config,
  api: Pick<AppApi, 'checkAppCredentials'>,
  now: Date,
): Promise<Finding[]> {
  const apps: [string, AppCredentials | null][] = [
    ['INSTAGRAM', meta.instagramApp],
    ['THREADS', meta.threadsApp],
  ];
  const findings = [
    ...checkForm('META', meta.app),
    ...apps.flatMap(([prefix, app]) => (app === null ? [] : checkForm(prefix, app))),
  ];
  const facebook = await api.checkAppCredentials();
  findings.push(toAppFinding('META', meta.app, facebook));
  if (meta.threadsApp !== null) {
    findings.push(toAppFinding('THREADS', meta.threadsApp, await api.checkAppCredentials('threads')));
  }
  return [...findings, checkVersion(meta.graphApiVersion, facebook.ok ? facebook.servedVersion : null, now)];
}

function checkForm(prefix: string, { id, secret }: AppCredentials): Finding[] {
  const findings: Finding[] = [];
  if (!APP_ID.test(id)) {
    const detail = `${prefix}_APP_ID does not look like an app id, which has digits only.`;
    findings.push(attention('meta_app', detail, "Copy it from the app's dashboard: App settings, Basic."));
  }
  if (!APP_SECRET.test(secret.expose())) {
    const detail = `${prefix}_APP_SECRET does not look like an app secret, which has 32 hexadecimal digits.`;
    findings.push(attention('meta_app', detail, "Show it in the app's dashboard and copy all of it, without spaces."));
  }
  return findings;
}

function toAppFinding(prefix: string, { id }: AppCredentials, check: AppCheck): Finding {
  if (check.ok) return fine('meta_app', `Meta accepts ${prefix}_APP_ID ${id} and its secret`);
  const code = check.meta.code === undefined ? '' : ` (code ${check.meta.code})`;
  if (check.verdict.kind !== 'configuration') {
    const detail = `Could not ask Meta about app ${id}${code}: ${check.verdict.kind}.`;
    return attention('meta_app', detail, 'Check that this machine reaches graph.facebook.com, and try again later.');
  }
  const what =
    check.verdict.what === 'secret'
      ? `Meta rejects ${prefix}_APP_SECRET for app ${id}${code}: every login and every refresh fails.`
      : `Meta rejects app ${id}${code}: it is unknown, deleted, blocked, or of another type.`;
  const remedy =
    check.verdict.what === 'secret'
      ? `Copy the secret of this app. While you change it, keep the old one in META_APP_SECRET_PREVIOUS.`
      : `Check in the app's dashboard that the id is right and the app is in good standing.`;
  return wrong('meta_app', what, remedy);
}
