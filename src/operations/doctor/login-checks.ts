import { countLoginFailures, type LoginFailures } from '../../audit/login-failure.query.ts';
import { appUnavailable } from '../../connect/connect-problems.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { addSeconds } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { attention, type Finding, fine, wrong } from './finding.ts';

/** Looks in the last day's failed logins for faults of our settings that only a login reveals. */
export async function checkLogins(executor: SqlExecutor, publicUrl: string, now: Date): Promise<Finding[]> {
  const failures = await countLoginFailures(executor, addSeconds(now, -DAY_SECONDS));
  if (failures.length === 0) return [fine('logins', 'none failed in the last day')];
  const findings = [...findRedirectMismatches(failures, publicUrl), ...findClosedApp(failures)];
  return findings.length > 0 ? findings : [fine('logins', `failed in the last day: ${summary(failures)}`)];
}

/** 36008, 191: the redirect URI of the exchange differs from the dialog's (docs/meta-facts.md#code-exchange). */
function findRedirectMismatches(failures: readonly LoginFailures[], publicUrl: string): Finding[] {
  const mismatched = failures.filter(({ meta_code: code, subcode }) => subcode === '36008' || code === '191');
  const ours = sum(mismatched.filter(({ actor_kind: kind }) => kind !== 'client'));
  const clients = sum(mismatched) - ours;
  const findings: Finding[] = [];
  if (ours > 0) {
    const detail = `Meta refused ${ours} logins in the last day: the redirect URI was not identical to the dialog's.`;
    const uri = `${publicUrl}/oauth/meta/callback`;
    const steps = `enter ${uri} exactly under Valid OAuth Redirect URIs`;
    findings.push(wrong('redirect_uri', detail, `Run all replicas with the same PUBLIC_URL, and ${steps}.`));
  }
  if (clients > 0) {
    const cause = "their redirect_uri was not identical to the dialog's";
    const detail = `Meta refused ${clients} codes of clients in the last day: ${cause}.`;
    const remedy = "Make the front end send the dialog's exact redirect_uri, and none for codes of FB.login.";
    findings.push(attention('redirect_uri', detail, remedy));
  }
  return findings;
}

function findClosedApp(failures: readonly LoginFailures[]): Finding[] {
  const count = sum(failures.filter(({ code }) => code === appUnavailable.code));
  if (count === 0) return [];
  const detail = `Meta turned ${count} users away in the last day because the app is not open to them.`;
  const remedy =
    'Switch the app to live in its dashboard, or give these users a role on it while it is in development.';
  return [attention('logins', detail, remedy)];
}

function sum(failures: readonly LoginFailures[]): number {
  return failures.reduce((total, { count }) => total + count, 0);
}

/** `3 code_rejected (100/36009), 1 session_expired` */
function summary(failures: readonly LoginFailures[]): string {
  return failures
    .map(({ count, code, meta_code: meta, subcode }) => {
      const said = meta === null ? '' : ` (${meta}${subcode === null ? '' : `/${subcode}`})`;
      return `${count} ${code}${said}`;
    })
    .join(', ');
}
