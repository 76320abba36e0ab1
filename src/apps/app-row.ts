import type { Product } from '../config/config.ts';
import type { SecretId } from '../vault/ids.ts';

/** What an app's secret is for. The secret is sealed to the app's id and this purpose. */
export type AppSecretPurpose =
  | 'app_secret'
  | 'previous_app_secret'
  | 'instagram_app_secret'
  | 'threads_app_secret'
  | 'webhook_verify_token';

export type AppSecretIds = Partial<Record<AppSecretPurpose, SecretId>>;
export type LoginConfigIds = Partial<Record<Product, string>>;

/** A Meta app that was created over the API. */
export interface AppRow {
  /** Meta's id. */
  app_id: string;
  name: string;
  /** `['*']` means all. */
  tenants: string[];
  instagram_app_id: string | null;
  threads_app_id: string | null;
  login_config_ids: LoginConfigIds;
  /** Null: the environment's. */
  graph_api_version: string | null;
  secret_ids: AppSecretIds;
  /** Until when the previous secret may sign. */
  previous_secret_until: Date | null;
  /** Counts changes. */
  version: number;
  created_at: Date;
  updated_at: Date;
}

export type StoredAppRow = AppRow & { mac: Buffer | null };

/** The ids by which tokens may name an app: its own, and those of its inner apps. */
export function idsOf(row: Pick<AppRow, 'app_id' | 'instagram_app_id' | 'threads_app_id'>): string[] {
  return [row.app_id, row.instagram_app_id, row.threads_app_id].filter((id) => id !== null);
}
