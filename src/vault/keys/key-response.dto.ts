import { ApiProperty } from '@nestjs/swagger';
import { NEXT_CURSOR } from '../../platform/openapi/api-page.ts';
import { exampleId, INSTANT, INSTANT_OR_NULL } from '../../platform/openapi/examples.ts';
import type { KekId } from '../ids.ts';
import { KEK_STATES, type KekState } from './encryption-key.repository.ts';
import type { KekRow } from './kek.repository.ts';
import { REWRAP_STATES, type RewrapProgress, type RewrapState } from './key-rewrap.ts';

/** A KEK in API responses. Never contains the key, wrapped or not. */
export class KeyResponse {
  @ApiProperty({ type: String, example: exampleId('kek') })
  id!: KekId;

  @ApiProperty({
    enum: KEK_STATES,
    description: '`active` wraps new data keys, `decrypt_only` opens old ones, `retired` is destroyed',
  })
  state!: KekState;

  @ApiProperty(INSTANT)
  created_at!: string;

  @ApiProperty(INSTANT_OR_NULL)
  retired_at!: string | null;

  @ApiProperty({ type: 'integer', description: 'How many data keys it wraps', example: 1200 })
  data_keys!: number;
}

export class RewrapProgressResponse {
  @ApiProperty({
    enum: REWRAP_STATES,
    description: '`incomplete`: everything was moved except data keys that cannot be opened',
  })
  state!: RewrapState;

  @ApiProperty({ type: 'integer', description: 'Data keys to move when the rewrap was requested', example: 1200 })
  total!: number;

  @ApiProperty({ type: 'integer', description: 'Data keys moved', example: 800 })
  rewrapped!: number;

  @ApiProperty({ type: 'integer', description: 'Data keys that are not under the active key now', example: 400 })
  remaining!: number;

  @ApiProperty({ type: 'integer', description: 'How many of them cannot be opened', example: 0 })
  unopenable!: number;

  @ApiProperty(INSTANT_OR_NULL)
  requested_at!: string | null;

  @ApiProperty(INSTANT_OR_NULL)
  finished_at!: string | null;
}

/** Response of `GET /v1/keys`: a page of keys, and the state of the last rewrap. */
export class KeyPageResponse {
  @ApiProperty({ type: [KeyResponse] })
  data!: KeyResponse[];

  @ApiProperty(NEXT_CURSOR)
  next_cursor!: string | null;

  @ApiProperty()
  rewrap!: RewrapProgressResponse;
}

export function toKeyResponse({ id, state, created_at, retired_at, data_keys }: KekRow): KeyResponse {
  return {
    id,
    state,
    created_at: created_at.toISOString(),
    retired_at: retired_at?.toISOString() ?? null,
    data_keys,
  };
}

export function toRewrapProgressResponse({
  requestedAt,
  finishedAt,
  ...counts
}: RewrapProgress): RewrapProgressResponse {
  return {
    ...counts,
    requested_at: requestedAt?.toISOString() ?? null,
    finished_at: finishedAt?.toISOString() ?? null,
  };
}
