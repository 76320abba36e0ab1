import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { CredentialId } from '../ids.ts';
import {
  CLAIM_ENDS,
  isOwnClaim,
  madeDueSince,
  nextHealthSql,
  type OwnClaim,
  verificationRequestedSince,
} from './claimed-credential.repository.ts';
import type { DecidedHealth } from './credential-health.ts';

/** All but `requestVerification` end the claim and return the number of rows written: 0 if the claim was lost. */

interface FailureParameters extends OwnClaim {
  /** JSON */
  failure: string;
  health: DecidedHealth;
  nextAttemptAt: Date | null;
  checkDueAt: Date | null;
  now: Date;
}

const setRefreshFailed = defineStatement<FailureParameters>(
  'refresh_failed',
  (
    of,
  ) => sql`UPDATE credential c SET failure = ${of.failure}, failure_attempts = failure_attempts + 1, updated_at = ${of.now},
      health = CASE WHEN ${verificationRequestedSince(of.checkDueAt)} AND health = 'unknown' THEN health ELSE ${of.health} END,
      refresh_due_at = ${of.nextAttemptAt}, ${CLAIM_ENDS}
    WHERE ${isOwnClaim(of)}`,
  { prepare: true },
);

const setCheckFailed = defineStatement<FailureParameters>(
  'check_failed',
  (of) => sql`UPDATE credential c SET failure = ${of.failure}, updated_at = ${of.now},
      health = CASE WHEN ${verificationRequestedSince(of.checkDueAt)} AND health = 'unknown' THEN health ELSE ${of.health} END,
      check_due_at = CASE WHEN ${verificationRequestedSince(of.checkDueAt)} THEN check_due_at ELSE ${of.nextAttemptAt}::timestamptz END,
      ${CLAIM_ENDS}
    WHERE ${isOwnClaim(of)}`,
  { prepare: true },
);

interface RotationFailureParameters extends OwnClaim {
  /** JSON */
  failure: string;
  health: DecidedHealth;
  /** Null: nothing is left to continue. */
  rotationDueAt: Date | null;
  /** Null: unchanged. */
  refreshDueAt: Date | null;
  checkDueAt: Date | null;
  isRetried: boolean;
  /** Whether the work was on a requested rotation. A request made since then stays. */
  wasRequested: boolean;
  now: Date;
}

const setRotationFailed = defineStatement<RotationFailureParameters>(
  'rotation_failed',
  (of) => sql`UPDATE credential c SET failure = ${of.failure}, updated_at = ${of.now},
      failure_attempts = CASE WHEN ${of.isRetried}::boolean THEN failure_attempts + 1 ELSE failure_attempts END,
      health = CASE WHEN ${verificationRequestedSince(of.checkDueAt)} AND health = 'unknown' THEN health ELSE ${of.health} END,
      rotation_due_at = CASE WHEN ${of.wasRequested}::boolean THEN ${of.rotationDueAt}::timestamptz ELSE rotation_due_at END,
      refresh_due_at = coalesce(${of.refreshDueAt}::timestamptz, refresh_due_at), ${CLAIM_ENDS}
    WHERE ${isOwnClaim(of)}`,
  { prepare: true },
);

export interface CheckParameters extends OwnClaim {
  health: DecidedHealth;
  scopes: string[];
  issuedAt: Date | null;
  expiresAt: Date | null;
  now: Date;
  nextCheckAt: Date;
  /** Inspections due before `lateBefore` queued up, so their next ones are spread out: due at `spreadCheckAt`. */
  lateBefore: Date;
  spreadCheckAt: Date;
  clearsFailure: boolean;
  plansRefresh: boolean;
  refreshAfter: Date | null;
  checkDueAt: Date | null;
}

const setChecked = defineStatement<CheckParameters>(
  'credential_checked',
  (of) => sql`UPDATE credential c SET scopes = ${of.scopes}, issued_at = ${of.issuedAt}, expires_at = ${of.expiresAt},
      last_checked_at = ${of.now},
      health = CASE WHEN ${verificationRequestedSince(of.checkDueAt)} THEN health ELSE ${of.health} END,
      check_due_at = CASE WHEN ${verificationRequestedSince(of.checkDueAt)} THEN check_due_at
        WHEN check_due_at < ${of.lateBefore} THEN ${of.spreadCheckAt}::timestamptz ELSE ${of.nextCheckAt}::timestamptz END,
      failure = CASE WHEN ${of.clearsFailure}::boolean THEN NULL ELSE failure END,
      refresh_after = CASE WHEN ${of.plansRefresh}::boolean THEN ${of.refreshAfter}::timestamptz ELSE refresh_after END,
      refresh_due_at = CASE WHEN ${of.plansRefresh}::boolean THEN ${of.refreshAfter}::timestamptz ELSE refresh_due_at END,
      ${CLAIM_ENDS}, updated_at = ${of.now}
    WHERE ${isOwnClaim(of)}`,
  { prepare: true },
);

const setPageForDerivation = defineStatement<OwnClaim & { now: Date; nextCheckAt: Date }>(
  'page_to_be_derived',
  (
    of,
  ) => sql`UPDATE credential SET health = ${nextHealthSql('found_dead')}, last_checked_at = ${of.now}, check_due_at = ${of.nextCheckAt},
      refresh_after = CASE WHEN refresh_due_at IS NULL THEN ${of.now}::timestamptz ELSE refresh_after END,
      refresh_due_at = CASE WHEN refresh_due_at IS NULL OR failure_attempts = 0 THEN ${of.now}::timestamptz ELSE refresh_due_at END,
      ${CLAIM_ENDS}, updated_at = ${of.now}
    WHERE ${isOwnClaim(of)}`,
  { prepare: true },
);

const setUnchangedPage = defineStatement<OwnClaim & { now: Date; nextCheckAt: Date; refreshAfter: Date | null }>(
  'page_unchanged',
  (of) => sql`UPDATE credential c SET health = ${nextHealthSql('found_valid')}, failure = NULL, failure_attempts = 0,
      last_checked_at = ${of.now}, check_due_at = ${of.nextCheckAt},
      refresh_after = CASE WHEN ${madeDueSince(of.refreshAfter)} THEN refresh_after END,
      refresh_due_at = CASE WHEN ${madeDueSince(of.refreshAfter)} THEN refresh_due_at END,
      ${CLAIM_ENDS}, updated_at = ${of.now}
    WHERE ${isOwnClaim(of)}`,
  { prepare: true },
);

const setNotDue = defineStatement<OwnClaim & { wasDue: boolean; wasRotationRequested: boolean; now: Date }>(
  'credential_not_due',
  (of) => sql`UPDATE credential SET refresh_due_at = CASE WHEN ${of.wasDue}::boolean THEN NULL ELSE refresh_due_at END,
      rotation_due_at = CASE WHEN ${of.wasRotationRequested}::boolean THEN NULL ELSE rotation_due_at END, ${CLAIM_ENDS}, updated_at = ${of.now}
    WHERE ${isOwnClaim(of)}`,
  { prepare: true },
);

const setExpiryNoticed = defineStatement<{ credentialId: CredentialId; expiresAt: Date; days: number }>(
  'credential_expiry_noticed',
  ({
    credentialId,
    expiresAt,
    days,
  }) => sql`UPDATE credential SET expiry_noticed_for = ${expiresAt}, expiry_noticed_days = ${days}
    WHERE id = ${credentialId} AND (expiry_noticed_for IS DISTINCT FROM ${expiresAt}::timestamptz OR expiry_noticed_days > ${days})`,
);

const setSuspected = defineStatement<{ credentialId: CredentialId; version: number; now: Date }>(
  'request_credential_verification',
  ({ credentialId, version, now }) => sql`UPDATE credential
    SET health = ${nextHealthSql('suspected')}, check_due_at = ${now}, updated_at = ${now}
    WHERE id = ${credentialId} AND version = ${version} AND secret_id IS NOT NULL`,
  { prepare: true },
);

export async function updateFailedCredential(
  executor: SqlExecutor,
  operation: 'refresh' | 'check',
  failure: FailureParameters,
): Promise<number> {
  return executor.run(operation === 'refresh' ? setRefreshFailed(failure) : setCheckFailed(failure));
}

export async function updateRotationFailed(executor: SqlExecutor, failure: RotationFailureParameters): Promise<number> {
  return executor.run(setRotationFailed(failure));
}

export async function updateCheckedCredential(executor: SqlExecutor, check: CheckParameters): Promise<number> {
  return executor.run(setChecked(check));
}

export async function updatePageForDerivation(
  executor: SqlExecutor,
  claim: OwnClaim & { now: Date; nextCheckAt: Date },
): Promise<number> {
  return executor.run(setPageForDerivation(claim));
}

export async function updateUnchangedPage(
  executor: SqlExecutor,
  claim: OwnClaim & { now: Date; nextCheckAt: Date; refreshAfter: Date | null },
): Promise<number> {
  return executor.run(setUnchangedPage(claim));
}

export async function updateCredentialNotDue(
  executor: SqlExecutor,
  claim: OwnClaim & { wasDue: boolean; wasRotationRequested: boolean; now: Date },
): Promise<number> {
  return executor.run(setNotDue(claim));
}

/** Whether this is the first notice of this expiry at this many days before. Needs no claim. */
export async function markExpiryNoticed(
  executor: SqlExecutor,
  credentialId: CredentialId,
  expiresAt: Date,
  days: number,
): Promise<boolean> {
  return (await executor.run(setExpiryNoticed({ credentialId, expiresAt, days }))) === 1;
}

/** Makes the next inspection due at once. Needs no claim. */
export async function updateSuspectedCredential(
  executor: SqlExecutor,
  credentialId: CredentialId,
  version: number,
  now: Date,
): Promise<void> {
  await executor.run(setSuspected({ credentialId, version, now }));
}
