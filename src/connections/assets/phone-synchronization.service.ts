import { Injectable } from '@nestjs/common';
import type { Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { Clock } from '../../platform/clock.ts';
import {
  type KindSynchronization,
  type PhoneSynchronization,
  SYNCHRONIZATION_KINDS,
  type SynchronizationKind,
} from '../connection/asset-details.ts';
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
  startSynchronization,
} from './phone-synchronization.ts';

/** Kinds that only the holder may request from Meta until their outcome is stored. */
export interface SynchronizationClaim {
  connectionId: ConnectionId;
  phoneNumberId: string;
  /** Distinguishes this claim from later ones. */
  claimedAt: string;
  kinds: SynchronizationKind[];
  /** The state before the claim. */
  previous: PhoneSynchronization;
  /** Wanted kinds already requested, with their state. */
  done: Partial<Record<SynchronizationKind, KindSynchronization>>;
}

/** Why nothing can be requested. */
export type SynchronizationObstacle =
  | { obstacle: 'not_found' | 'not_coexistence' | 'window_closed' }
  | { obstacle: 'already_requested'; done: Partial<Record<SynchronizationKind, KindSynchronization>> };

interface SynchronizationActor {
  actor: Actor;
  requestId: string | null;
}

/**
 * The one-time synchronization of WhatsApp Business app numbers. A kind is claimed in the database before Meta is
 * asked, so that replicas ask only once. If the claiming replica dies, the outcome stays marked unknown.
 */
@Injectable()
export class PhoneSynchronizationService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
  ) {}

  /** Claims the requestable kinds. Returns an obstacle if there are none. */
  async claim(
    connectionId: ConnectionId,
    phoneNumberId: string,
    wanted: readonly SynchronizationKind[],
  ): Promise<SynchronizationClaim | SynchronizationObstacle> {
    const now = this.clock.now();
    return this.database.transaction(async (tx) => {
      // Every writer of a connection's numbers locks the connection first.
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

  /**
   * Stores a claimed kind's outcome. Only audits it if the number has since been reconnected or claimed by another
   * replica.
   */
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

  /** Releases kinds that Meta was not asked about after all. */
  async release(claim: SynchronizationClaim, kinds: readonly SynchronizationKind[]): Promise<void> {
    await this.database.transaction(async (tx) => {
      await lockConnection(tx, claim.connectionId);
      for (const kind of kinds) await this.settle(tx, claim, kind, claim.previous[kind]);
    });
  }

  /** Announces windows that end soon with something left to request, once each. Returns how many notices were due. */
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
