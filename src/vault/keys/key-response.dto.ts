import type { KekRow, KekState } from './kek.repository.ts';
import type { RewrapProgress, RewrapState } from './key-rewrap.ts';

/** A KEK as the API shows it (CONTRACT 9). Never the key, wrapped or not. */
export interface KeyView {
  id: string;
  state: KekState;
  created_at: string;
  retired_at: string | null;
  data_keys: number;
}

export interface RewrapView {
  state: RewrapState;
  total: number;
  rewrapped: number;
  remaining: number;
  unopenable: number;
  requested_at: string | null;
  finished_at: string | null;
}

export function toKeyView({ id, state, created_at, retired_at, data_keys }: KekRow): KeyView {
  return {
    id,
    state,
    created_at: created_at.toISOString(),
    retired_at: retired_at?.toISOString() ?? null,
    data_keys,
  };
}

export function toRewrapView({ requestedAt, finishedAt, ...counts }: RewrapProgress): RewrapView {
  return {
    ...counts,
    requested_at: requestedAt?.toISOString() ?? null,
    finished_at: finishedAt?.toISOString() ?? null,
  };
}
