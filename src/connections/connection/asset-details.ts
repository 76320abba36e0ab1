import { ApiProperty } from '@nestjs/swagger';
import { ApiMetaCause } from '../../platform/openapi/api-meta-cause.ts';
import { INSTANT, INSTANT_OR_NULL } from '../../platform/openapi/examples.ts';
import type { MetaCause } from '../../platform/problem.ts';

const REGISTRATION_STATUSES = ['registered', 'failed', 'coexistence'] as const;

/**
 * A number's registration with the Cloud API: the outcome of the last attempt, or `coexistence` if the number is also
 * used in the WhatsApp Business app, which registered it. The PIN is never stored.
 */
export class PhoneRegistration {
  @ApiProperty({
    enum: REGISTRATION_STATUSES,
    description:
      'Outcome of the last attempt to register the number with the Cloud API. `coexistence`: the number is also used in ' +
      'the WhatsApp Business app, which registered it.',
    example: 'registered',
  })
  status!: (typeof REGISTRATION_STATUSES)[number];

  @ApiProperty(INSTANT)
  at!: string;

  @ApiProperty({
    required: false,
    description: 'What happened, after a failure',
    example: "The pin does not match the number's two-step verification pin.",
  })
  detail?: string;

  @ApiProperty({
    required: false,
    description: 'What to do, after a failure',
    example: 'Ask the owner for the pin, or have it reset in WhatsApp Manager, then register it again.',
  })
  remedy?: string;

  @ApiMetaCause()
  meta?: MetaCause;
}

/** What can be copied once from the WhatsApp Business app, in the order Meta wants it requested. */
export const SYNCHRONIZATION_KINDS = ['contacts', 'history'] as const;
export type SynchronizationKind = (typeof SYNCHRONIZATION_KINDS)[number];

const SYNCHRONIZATION_STATUSES = ['not_requested', 'requested', 'failed'] as const;

export class KindSynchronization {
  @ApiProperty({ enum: SYNCHRONIZATION_STATUSES, example: 'requested' })
  status!: (typeof SYNCHRONIZATION_STATUSES)[number];

  @ApiProperty({
    ...INSTANT,
    required: false,
    description: 'When it was last requested',
  })
  at?: string;

  @ApiProperty({
    required: false,
    description: "Meta's id of the request, if Meta accepted it",
    example: 'ARBd3m7x0A2',
  })
  request_id?: string;

  /** Meta was asked, but its response is unknown: the request is under way, or its replica stopped. */
  @ApiProperty({
    required: false,
    enum: ['unknown'],
    description: 'Meta was asked, but its response is not known (yet)',
  })
  outcome?: 'unknown';

  @ApiProperty({
    required: false,
    description: 'What happened, after a failure or while the outcome is unknown',
    example: 'Meta refused the request.',
  })
  detail?: string;

  @ApiProperty({
    required: false,
    description: 'What to do, after a failure or while the outcome is unknown',
    example: 'Check in WhatsApp Manager that the number is still connected to the WhatsApp Business app.',
  })
  remedy?: string;

  @ApiMetaCause()
  meta?: MetaCause;
}

/** What a WhatsApp Business app number gives once, within a day of its signup. */
export class PhoneSynchronization implements Record<SynchronizationKind, KindSynchronization> {
  @ApiProperty({
    ...INSTANT_OR_NULL,
    description: 'Until when Meta accepts requests. Null: the time of signup is unknown, so only Meta can tell.',
  })
  deadline_at!: string | null;

  @ApiProperty({ type: KindSynchronization })
  contacts!: KindSynchronization;

  @ApiProperty({ type: KindSynchronization })
  history!: KindSynchronization;

  @ApiProperty({
    ...INSTANT,
    required: false,
    description: 'When an event announced the deadline',
  })
  announced_at?: string;
}

/** The business that owns an asset. */
class AssetOwner {
  @ApiProperty({ example: '506914307656634' })
  id!: string;

  @ApiProperty({ type: 'string', nullable: true, example: 'Acme Holding' })
  name!: string | null;
}

/** Details only some assets have: ad accounts, Pages that yield no token, and phone numbers. */
export class AssetDetails {
  @ApiProperty({ required: false, description: 'Of an ad account: ISO 4217', example: 'BRL' })
  currency?: string;

  @ApiProperty({ required: false, type: AssetOwner, description: 'The business that owns it, if Meta names it' })
  business?: AssetOwner;

  @ApiProperty({
    required: false,
    type: [String],
    description: "The user's tasks on a Page that Meta gives no token for",
    example: ['ADVERTISE', 'ANALYZE'],
  })
  tasks?: string[];

  @ApiProperty({ required: false, type: PhoneRegistration, description: 'Of a WhatsApp number' })
  registration?: PhoneRegistration;

  @ApiProperty({
    required: false,
    type: PhoneSynchronization,
    description: 'Of a WhatsApp number that is also used in the WhatsApp Business app: what it gives once',
  })
  synchronization?: PhoneSynchronization;
}
