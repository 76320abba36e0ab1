import { defineRowMac } from '../database/row-mac.ts';
import type { AppRow } from './app-row.ts';

/** Covers which tenants an app serves, and with which secrets, but not when it was changed. */
export const APP_MAC = defineRowMac<AppRow>('meta_app', 1, {
  idOf: ({ app_id: id }) => id,
  covers: (row) => [
    row.app_id,
    row.name,
    row.tenants,
    row.instagram_app_id,
    row.threads_app_id,
    { ...row.login_config_ids },
    row.graph_api_version,
    { ...row.secret_ids },
    row.previous_secret_until,
    row.version,
    row.created_at,
  ],
});
