import { EMBEDDED_SIGNUP } from '../../meta/dialog/embedded-signup.ts';
import { VERSION_NOTICE_SECONDS } from '../../meta/graph/graph-version.ts';
import { addSeconds } from '../../platform/clock.ts';
import { attention, type Finding, fine, wrong } from './finding.ts';

/** Checks the version of Embedded Signup that this release launches against its known end. */
export function checkSignupVersion(
  now: Date,
  { version, since, endsOn }: { version: string; since: string; endsOn: string | null } = EMBEDDED_SIGNUP,
): Finding {
  const launched = `this release launches Embedded Signup ${version}, offered by Meta since ${since}`;
  if (endsOn === null) return fine('signup_version', `${launched}; no known end`);
  const end = new Date(`${endsOn}T00:00:00Z`);
  const remedy = 'Update Metavault to a release that launches a newer version.';
  if (end <= now)
    return wrong('signup_version', `${launched}; it ended on ${endsOn}, so signups do not start.`, remedy);
  if (end <= addSeconds(now, VERSION_NOTICE_SECONDS))
    return attention('signup_version', `${launched}; it ends on ${endsOn}, and signups with it.`, remedy);
  return fine('signup_version', `${launched}; it ends on ${endsOn}`);
}
