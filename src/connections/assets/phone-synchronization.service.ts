import { Injectable } from '@nestjs/common';
import type { Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { Clock } from '../../platform/clock.ts';
import type { KindSynchronization, PhoneSynchronization, SynchronizationKind } from '../connection/asset-details.ts';
import { placeOf } from '../connection-place.ts';
import type { ConnectionId } from '../ids.ts';
import { lockConnection } from '../status/connection-status.repository.ts';
import { isCoexistence } from './phone-coexistence.ts';
import {
  clearSynchronizationNotice,
  type DueSynchronizationNotice,
  lockDueSynchronizationNotices,
  lockPhoneNumberDetails,
  setPhoneNumberDetails,
} from './phone-synchronization.repository.ts';
import {
  claimedKind,
  isRequestable,
  isWindowClosed,
  openKinds,
  SYNCHRONIZATION_KINDS,
  startSynchronization,
} from './phone-synchronization.ts';

/** Kinds that are ours to request of Meta now, and nobody else's until their outcome is stored. */
export interface SynchronizationClaim {
  connectionId: ConnectionId;
  phoneNumberId: string;
  /** Tells this claim from a later one. */
  claimedAt: string;
  kinds: SynchronizationKind[];
  /** What they were before. */
  previous: PhoneSynchronization;
  /** Those of the kinds asked for that were requested before, as they stand. */
  done: Partial<Record<SynchronizationKind, KindSynchronization>>;
}

/** Why nothing may be requested. */
export type SynchronizationObstacle =
  | { obstacle: 'not_found' | 'not_coexistence' | 'window_closed' }
  | { obstacle: 'already_requested'; done: Partial<Record<SynchronizationKind, KindSynchronization>> };

interface SynchronizationActor {
  actor: Actor;
  requestId: string | null;
}

/**
 * The one-time synchronization of numbers of the WhatsApp Business app, as the rows say. A kind is claimed on its number before Meta is
 * asked, so that it is asked once, whichever replicas are; a claim whose replica stopped shows that its outcome is unknown.
 */
@Injectable()
export class PhoneSynchronizationService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
  ) {}

  /** Claims those of the kinds that may be requested; an obstacle where there is none. */
  async claim(
    connectionId: ConnectionId,
    phoneNumberId: string,
    wanted: readonly SynchronizationKind[],
  ): Promise<SynchronizationClaim | SynchronizationObstacle> {
    const now = this.clock.now();
    return this.database.transaction(async (tx) => {
      // Whatever else writes to the numbers of a connection locks it first.
      await lockConnection(tx, connectionId);
      const details = await lockPhoneNumberDetails(tx, { connectionId, phoneNumberId });
      if (details === undefined) return { obstacle: 'not_found' };
      if (details === null || !isCoexistence(details)) return { obstacle: 'not_coexistence' };
      const synchronization = details.synchronization ?? startSynchronization(null);
      const asked = SYNCHRONIZATION_KINDS.filter((kind) => wanted.includes(kind));
      const kinds = asked.filter((kind) => isRequestable(synchronization[kind], now));
      const done = Object.fromEntries(
        asked.filter((kind) => !kinds.includes(kind)).map((kind) => [kind, synchronization[kind]]),
      );
      if (kinds.length === 0) return { obstacle: 'already_requested', done };
      if (isWindowClosed(synchronization, now)) return { obstacle: 'window_closed' };
      const claimed = Object.fromEntries(kinds.map((kind) => [kind, claimedKind(now)]));
      const key = { connectionId, phoneNumberId };
      await setPhoneNumberDetails(tx, key, { ...details, synchronization: { ...synchronization, ...claimed } });
      return { ...key, claimedAt: now.toISOString(), kinds, previous: synchronization, done };
    });
  }

  /** How a claimed kind ended. Only recorded in the audit log where the number was connected anew, or claimed by somebody else, meanwhile. */
  async record(
    claim: SynchronizationClaim,
    kind: SynchronizationKind,
    outcome: KindSynchronization,
    { actor, requestId }: SynchronizationActor,
  ): Promise<void> {
    const { connectionId, phoneNumberId: subjectId } = claim;
    await this.database.transaction(async (tx) => {
      const connection = await lockConnection(tx, connectionId);
      if (connection === null) return;
      await this.settle(tx, claim, kind, outcome);
      const { tenant, product } = connection;
      const { status, request_id: metaRequestId, detail, meta } = outcome;
      await this.audit.record(tx, {
        action:
          status === 'requested' ? 'phone_number.synchronization_requested' : 'phone_number.synchronization_failed',
        ...{ actor, requestId, tenant, product, connectionId, subjectId },
        details: {
          kinds: [kind],
          outcome: status,
          ...(metaRequestId === undefined ? {} : { meta_request_id: metaRequestId }),
          ...(detail === undefined ? {} : { detail }),
          ...(meta === undefined ? {} : { meta }),
        },
      });
    });
  }

  /** Gives kinds back that Meta was not asked about after all. */
  async release(claim: SynchronizationClaim, kinds: readonly SynchronizationKind[]): Promise<void> {
    await this.database.transaction(async (tx) => {
      await lockConnection(tx, claim.connectionId);
      for (const kind of kinds) await this.settle(tx, claim, kind, claim.previous[kind]);
    });
  }

  /** Announces the windows that end soon with something left to request, each once. How many were due. */
  async announceExpiring(limit: number): Promise<number> {
    const now = this.clock.now();
    return this.database.transaction(async (tx) => {
      const due = await lockDueSynchronizationNotices(tx, now, limit);
      for (const notice of due) {
        await clearSynchronizationNotice(tx, notice);
        await this.announce(tx, notice, now);
      }
      return due.length;
    });
  }

  private async settle(
    tx: Transaction,
    { connectionId, phoneNumberId, claimedAt }: SynchronizationClaim,
    kind: SynchronizationKind,
    outcome: KindSynchronization,
  ): Promise<void> {
    const key = { connectionId, phoneNumberId };
    const details = await lockPhoneNumberDetails(tx, key);
    const synchronization = details?.synchronization;
    if (synchronization === undefined) return;
    const { at, outcome: known } = synchronization[kind];
    if (at !== claimedAt || known !== 'unknown') return;
    await setPhoneNumberDetails(tx, key, { ...details, synchronization: { ...synchronization, [kind]: outcome } });
  }

  private async announce(tx: Transaction, notice: DueSynchronizationNotice, now: Date): Promise<void> {
    const { details, status, phoneNumberId } = notice;
    const synchronization = details?.synchronization;
    if (synchronization === undefined || !isCoexistence(details) || !isWorthAnnouncing(synchronization, now)) return;
    const announced: PhoneSynchronization = { ...synchronization, announced_at: now.toISOString() };
    await setPhoneNumberDetails(tx, notice, { ...details, synchronization: announced });
    if (status === 'revoked') return;
    const of = placeOf(notice);
    await this.outbox.add(tx, {
      ...of,
      type: 'connection.synchronization_expiring',
      data: {
        connection_id: of.connectionId,
        tenant: of.tenant,
        product: of.product,
        status,
        phone_number_id: phoneNumberId,
        kinds: openKinds(synchronization, now),
        deadline_at: synchronization.deadline_at,
      },
    });
  }
}

function isWorthAnnouncing(synchronization: PhoneSynchronization, now: Date): boolean {
  return openKinds(synchronization, now).length > 0 && !isWindowClosed(synchronization, now);
}
