import { EMBEDDED_SIGNUP } from '../../meta/dialog/embedded-signup.ts';
import { VERSION_NOTICE_SECONDS } from '../../meta/graph/graph-version.ts';
import { addSeconds } from '../../platform/clock.ts';
import { attention, type Finding, fine, wrong } from './finding.ts';

/** The version of Embedded Signup that this release launches, and what is known of its end. */
export function checkEmbeddedSignup(
  now: Date,
  { version, since, endsOn }: { version: string; since: string; endsOn: string | null } = EMBEDDED_SIGNUP,
): Finding {
  const launched = `Embedded Signup ${version} is launched, which Meta has offered since ${since}`;
  if (endsOn === null) return fine('embedded_signup', `${launched}; no end is known`);
  const end = new Date(`${endsOn}T00:00:00Z`);
  const remedy = 'Update Metavault to a release that launches a newer version.';
  if (end <= now)
    return wrong('embedded_signup', `${launched}; it ended on ${endsOn}, so signups do not start.`, remedy);
  if (end <= addSeconds(now, VERSION_NOTICE_SECONDS))
    return attention('embedded_signup', `${launched}; it ends on ${endsOn}, and signups with it.`, remedy);
  return fine('embedded_signup', `${launched}; it ends on ${endsOn}`);
}
