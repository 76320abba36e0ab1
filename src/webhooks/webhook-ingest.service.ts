import { Injectable } from '@nestjs/common';
import { UnverifiedAssetRepository } from '../connections/assets/unverified-asset.repository.ts';
import { VerificationRequests } from '../connections/connection/verification-requests.ts';
import { Database, type Transaction } from '../database/database.ts';
import { RawJson } from '../events/outbox/event-data.ts';
import { Outbox, type OutboxEvent } from '../events/outbox/outbox.ts';
import { MetaApps } from '../meta/meta-apps.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { objectLabel } from './entry-subject.ts';
import type { WebhookEntry } from './split-webhook.ts';
import { findSubjectConnections, type SubjectConnection } from './subject-connections.query.ts';
import { WebhookMetrics } from './webhook-metrics.ts';

/** Meta repeats for 36 hours, for WhatsApp 7 days (META.md 15). */
export const REDELIVERY_WINDOW_SECONDS = 8 * 24 * 60 * 60;

interface MatchedEntry {
  entry: WebhookEntry;
  connections: SubjectConnection[];
}

/**
 * Stores the entries of a delivery: what is new becomes one event for each living connection that it speaks of, or one without a
 * connection. What it says of our access is not believed: the connections become due for inspection. One transaction, and a
 * handful of statements for a thousand entries.
 */
@Injectable()
export class WebhookIngestService {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly verificationRequests: VerificationRequests,
    private readonly assets: UnverifiedAssetRepository,
    private readonly metrics: WebhookMetrics,
    private readonly clock: Clock,
    private readonly apps: MetaApps,
  ) {}

  /** Resolves when all is committed. `doubted`: connections that are due for inspection because of this delivery. */
  async ingest(entries: readonly WebhookEntry[]): Promise<{ stored: number; verificationCount: number }> {
    if (entries.length === 0) return { stored: 0, verificationCount: 0 };
    const result = await this.database.transaction(async (tx) => {
      const fresh = await this.insertNew(tx, entries);
      const subjects = fresh.map(({ subject }) => subject);
      const connections = await findSubjectConnections(tx, subjects, this.apps.appIds);
      const matched = fresh.map((entry, index) => ({ entry, connections: connections[index] ?? [] }));
      await this.relay(tx, matched);
      await this.assets.requestVerification(tx, 'whatsapp_business_account', accountsToVerify(fresh));
      return {
        matched,
        verificationCount: await this.verificationRequests.requestVerification(tx, connectionsToVerify(matched)),
      };
    });
    this.count(entries, result.matched);
    return { stored: result.matched.length, verificationCount: result.verificationCount };
  }

  /** Those that have not come within the last eight days; another replica's open transaction with the same entry is waited for. */
  private async insertNew(tx: Transaction, entries: readonly WebhookEntry[]): Promise<WebhookEntry[]> {
    const now = this.clock.now();
    const rows = await tx.rows<{ hash: Buffer }>({
      name: 'webhook_keep',
      text: `INSERT INTO webhook_entry AS e (hash, object, received_at)
        SELECT hash, object, $3 FROM unnest($1::bytea[], $2::text[]) AS n (hash, object) ORDER BY hash
        ON CONFLICT (hash) DO UPDATE SET received_at = EXCLUDED.received_at, meta_user_id = NULL, event_id = NULL WHERE e.received_at < $4
        RETURNING hash`,
      values: [
        entries.map(({ hash }) => hash),
        entries.map(({ object }) => objectLabel(object)),
        now,
        addSeconds(now, -REDELIVERY_WINDOW_SECONDS),
      ],
    });
    const fresh = new Set(rows.map(({ hash }) => hash.toString('hex')));
    return entries.filter(({ hash }) => fresh.has(hash.toString('hex')));
  }

  private async relay(tx: Transaction, matched: readonly MatchedEntry[]): Promise<void> {
    const unmatched = matched.filter(({ connections }) => connections.length === 0);
    const known = matched.flatMap(({ entry, connections }) => connections.map((each) => toEvent(entry, each)));
    await this.outbox.addAll(tx, known);
    const eventIds = await this.outbox.addAll(
      tx,
      unmatched.map(({ entry }) => toEvent(entry, null)),
    );
    const aboutUsers = unmatched.flatMap(({ entry }, index) => {
      const [userId] = entry.subject.userIds;
      return userId === undefined ? [] : [{ hash: entry.hash, userId, eventId: eventIds[index] ?? null }];
    });
    if (aboutUsers.length === 0) return;
    await tx.run({
      name: 'webhook_entry_users',
      text: `UPDATE webhook_entry e SET meta_user_id = p.user_id, event_id = p.event_id
        FROM unnest($1::bytea[], $2::text[], $3::text[]) AS p (hash, user_id, event_id) WHERE e.hash = p.hash`,
      values: [
        aboutUsers.map(({ hash }) => hash),
        aboutUsers.map(({ userId }) => userId),
        aboutUsers.map(({ eventId }) => eventId),
      ],
    });
  }

  private count(entries: readonly WebhookEntry[], matched: readonly MatchedEntry[]): void {
    const fresh = new Map(matched.map(({ entry, connections }) => [entry, connections.length > 0]));
    for (const entry of entries) {
      const isMatched = fresh.get(entry);
      this.metrics.entry(entry.object, isMatched === undefined ? 'repeated' : isMatched ? 'matched' : 'unmatched');
    }
  }
}

function accountsToVerify(entries: readonly WebhookEntry[]): string[] {
  const named = entries.flatMap(({ subject }) => (subject.isAboutAccess ? subject.assets : []));
  return named.filter(({ type }) => type === 'whatsapp_business_account').map(({ id }) => id);
}

function connectionsToVerify(matched: readonly MatchedEntry[]): string[] {
  const about = matched.filter(({ entry }) => entry.subject.isAboutAccess);
  return [...new Set(about.flatMap(({ connections }) => connections.map(({ connectionId }) => connectionId)))];
}

function toEvent({ object, text }: WebhookEntry, connection: SubjectConnection | null): OutboxEvent {
  const { connectionId = null, tenant = null, product = null, asset = null } = connection ?? {};
  return {
    type: 'meta.webhook',
    tenant,
    product,
    connectionId,
    data: { connection_id: connectionId, tenant, product, object, asset, entry: new RawJson(text) },
  };
}
