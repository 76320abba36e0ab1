import type { KekId } from '../ids.ts';
import type { KekState } from './encryption-key.repository.ts';
import type { KekRow } from './kek.repository.ts';
import type { RewrapProgress, RewrapState } from './key-rewrap.ts';

/** A KEK in API responses. Never contains the key, wrapped or not. */
export interface KeyResponse {
  id: KekId;
  state: KekState;
  created_at: string;
  retired_at: string | null;
  data_keys: number;
}

export interface RewrapProgressResponse {
  state: RewrapState;
  total: number;
  rewrapped: number;
  remaining: number;
  unopenable: number;
  requested_at: string | null;
  finished_at: string | null;
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
