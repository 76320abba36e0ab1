import { defineRowMac } from '../../database/row-mac.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { PrivacyRequestId } from '../ids.ts';

export type PrivacyRequestKind = 'deauthorize' | 'data_deletion';

/** A row of `privacy_request`. */
export interface PrivacyRequestRow {
  id: PrivacyRequestId;
  kind: PrivacyRequestKind;
  payload_hash: Buffer;
  code_hash: Buffer | null;
  app_ids: string[];
  user_secret_id: SecretId | null;
  /** Set only by an earlier release. */
  meta_user_id: string | null;
  /** Set only by an earlier release. */
  confirmation_code: string | null;
  issued_at: Date | null;
  request_id: string | null;
  received_at: Date;
  completed_at: Date | null;
  is_hashed: boolean;
}

/** Covers all columns: whose data is deleted, whose connections are revoked, and what the user is told. */
export const PRIVACY_REQUEST_MAC = defineRowMac<PrivacyRequestRow>('privacy_request', 1, {
  idOf: ({ id }) => id,
  covers: (row) => [
    row.id,
    row.kind,
    row.payload_hash,
    row.code_hash,
    row.app_ids,
    row.user_secret_id,
    row.meta_user_id,
    row.confirmation_code,
    row.issued_at,
    row.request_id,
    row.received_at,
    row.completed_at,
    row.is_hashed,
  ],
});
