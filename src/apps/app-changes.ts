import type { SecretString } from '../platform/secret-string.ts';
import type { AppRow, AppSecretPurpose, LoginConfigIds } from './app-row.ts';
import type { AppSecrets } from './app-secret-store.ts';

/** An Instagram or Threads app inside a Meta app. */
export interface InnerApp {
  id: string;
  secret: SecretString;
}

export interface NewApp {
  appId: string;
  secret: SecretString;
  name: string;
  /** `['*']` means all. */
  tenants: string[];
  instagram: InnerApp | null;
  threads: InnerApp | null;
  loginConfigIds: LoginConfigIds;
  /** Null: the environment's. */
  graphApiVersion: string | null;
  /** Null: one is generated. */
  verifyToken: SecretString | null;
}

/** Absent fields stay unchanged. */
export type AppChange = Partial<Omit<NewApp, 'appId' | 'secret' | 'verifyToken'> & { verifyToken: SecretString }>;

/** Returns the row after a change, with the secrets as they were. */
export function applyChange(row: AppRow, change: AppChange): AppRow {
  const secretIds = { ...row.secret_ids };
  if (change.instagram === null) delete secretIds.instagram_app_secret;
  if (change.threads === null) delete secretIds.threads_app_secret;
  return {
    ...row,
    name: change.name ?? row.name,
    tenants: change.tenants ?? row.tenants,
    instagram_app_id: change.instagram === undefined ? row.instagram_app_id : (change.instagram?.id ?? null),
    threads_app_id: change.threads === undefined ? row.threads_app_id : (change.threads?.id ?? null),
    login_config_ids: change.loginConfigIds ?? row.login_config_ids,
    graph_api_version: change.graphApiVersion === undefined ? row.graph_api_version : change.graphApiVersion,
    secret_ids: secretIds,
  };
}

/** The new secrets in a change. */
export function newSecrets(change: AppChange): AppSecrets {
  const { instagram, threads, verifyToken } = change;
  return {
    ...(instagram === undefined || instagram === null ? {} : { instagram_app_secret: instagram.secret }),
    ...(threads === undefined || threads === null ? {} : { threads_app_secret: threads.secret }),
    ...(verifyToken === undefined ? {} : { webhook_verify_token: verifyToken }),
  };
}

/** What changed, for the audit record: fields with their values, and which secrets are new. Never a secret. */
export function describeChanges(
  before: AppRow,
  after: AppRow,
  secrets: AppSecrets,
): Record<string, unknown> & { new_secrets?: AppSecretPurpose[] } {
  const changes: Record<string, unknown> = {};
  for (const field of SHOWN) {
    if (JSON.stringify(before[field]) !== JSON.stringify(after[field]))
      changes[field] = { from: before[field], to: after[field] };
  }
  const purposes = Object.keys(secrets) as AppSecretPurpose[];
  return purposes.length === 0 ? changes : { ...changes, new_secrets: purposes };
}

const SHOWN = [
  'name',
  'tenants',
  'instagram_app_id',
  'threads_app_id',
  'login_config_ids',
  'graph_api_version',
] as const satisfies readonly (keyof AppRow)[];
