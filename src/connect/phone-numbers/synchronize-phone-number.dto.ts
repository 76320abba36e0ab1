import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, ArrayUnique, IsArray, IsIn } from 'class-validator';
import { SYNCHRONIZATION_KINDS, type SynchronizationKind } from '../../connections/connection/asset-details.ts';
import { ApiMetaCause } from '../../platform/openapi/api-meta-cause.ts';
import type { MetaCause } from '../../platform/problem.ts';

/** Body of `POST /v1/connections/{id}/phone-numbers/{phone_number_id}/synchronize`. */
export class SynchronizePhoneNumberRequest {
  @ApiProperty({
    enum: SYNCHRONIZATION_KINDS,
    isArray: true,
    minItems: 1,
    maxItems: SYNCHRONIZATION_KINDS.length,
    uniqueItems: true,
    description: 'What Meta sends once, by webhook: contacts (`smb_app_state_sync`), 180 days of messages (`history`)',
    example: ['contacts', 'history'],
  })
  @IsIn(SYNCHRONIZATION_KINDS, { each: true })
  @ArrayUnique()
  @ArrayMaxSize(SYNCHRONIZATION_KINDS.length)
  @ArrayMinSize(1)
  @IsArray()
  kinds!: SynchronizationKind[];
}

const RESULT_STATUSES = ['requested', 'already_requested', 'failed', 'not_requested'] as const;

/** Result of one kind. */
export class SynchronizationResult {
  @ApiProperty({ enum: SYNCHRONIZATION_KINDS, example: 'contacts' })
  kind!: SynchronizationKind;

  @ApiProperty({
    enum: RESULT_STATUSES,
    description:
      "`already_requested`: earlier, so Meta wasn't asked now. `not_requested`: skipped because of what the other kind " +
      'ran into.',
    example: 'requested',
  })
  status!: (typeof RESULT_STATUSES)[number];

  @ApiProperty({
    type: String,
    nullable: true,
    description: "Meta's id of the request; null: Meta gave none, or its response was lost",
    example: 'ARBd3m7x0A2',
  })
  request_id!: string | null;

  @ApiProperty({
    required: false,
    description: 'What happened, if it failed or its outcome is unknown',
    example: 'Meta refused the request.',
  })
  detail?: string;

  @ApiProperty({
    required: false,
    description: 'What to do then',
    example: 'Check in WhatsApp Manager that the number is still connected to the WhatsApp Business app.',
  })
  remedy?: string;

  @ApiMetaCause()
  meta?: MetaCause;
}

/** Response of `POST /v1/connections/{id}/phone-numbers/{phone_number_id}/synchronize`. */
export class SynchronizationResponse {
  @ApiProperty({ type: [SynchronizationResult], description: 'One for each kind that was asked for' })
  results!: SynchronizationResult[];
}
