import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.ts';
import type { AuthenticatedClient } from './authenticated-client.ts';
import type { FreshSignInRule } from './decorators.ts';
import { SharedLimits } from './limits/shared-limits.ts';

const MAX_AGE_MS = 5 * 60_000;
const BULK_PERIOD_MS = 10 * 60_000;

/** Decides whether a person has to sign in again before an action that can't be undone. */
@Injectable()
export class FreshSignIn {
  constructor(
    private readonly clock: Clock,
    private readonly limits: SharedLimits,
  ) {}

  /** A person can't be asked for a key or link again, so only a sign-in at an issuer becomes too old. */
  isSatisfied({ person }: AuthenticatedClient, { free }: FreshSignInRule): boolean {
    if (person?.method !== 'oidc') return true;
    const { authenticatedAt, sessionId } = person;
    const ageMs = authenticatedAt === null ? null : this.clock.now().getTime() - authenticatedAt.getTime();
    if (ageMs !== null && ageMs <= MAX_AGE_MS) return true;
    if (free === 0) return false;
    const policy = { limit: free, periodMs: BULK_PERIOD_MS, carry: 'sliding' } as const;
    return this.limits.take(`without fresh sign-in:${sessionId}`, policy).isGranted;
  }
}
