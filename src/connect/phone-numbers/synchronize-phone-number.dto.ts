import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, ArrayUnique, IsArray, IsIn } from 'class-validator';
import { SYNCHRONIZATION_KINDS, type SynchronizationKind } from '../../connections/connection/asset-details.ts';
import type { MetaCause } from '../../platform/problem.ts';

/** Body of `POST /v1/connections/{id}/phone-numbers/{phone_number_id}/synchronize`. */
export class SynchronizePhoneNumberRequest {
  @ApiProperty({
    enum: SYNCHRONIZATION_KINDS,
    isArray: true,
    description: 'What Meta sends once, by webhook: contacts (smb_app_state_sync), 180 days of messages (history)',
  })
  @IsIn(SYNCHRONIZATION_KINDS, { each: true })
  @ArrayUnique()
  @ArrayMaxSize(SYNCHRONIZATION_KINDS.length)
  @ArrayMinSize(1)
  @IsArray()
  kinds!: SynchronizationKind[];
}

/** Result of one kind. */
export interface SynchronizationResult {
  kind: SynchronizationKind;
  /**
   * `already_requested`: earlier, so Meta wasn't asked now; `not_requested`: skipped because of what the other kind ran
   * into.
   */
  status: 'requested' | 'already_requested' | 'failed' | 'not_requested';
  /** Meta's; null if it gave none, or its response was lost. */
  request_id: string | null;
  detail?: string;
  remedy?: string;
  meta?: MetaCause;
}

export interface SynchronizationResponse {
  results: SynchronizationResult[];
}
