import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AnnouncedAccountService } from '../connections/announced-accounts/announced-account.service.ts';
import { RemovedAccountService } from '../connections/assets/removed-account.service.ts';
import { UnverifiedAssetService } from '../connections/assets/unverified-asset.service.ts';
import { VerificationRequests } from '../connections/connection/verification-requests.ts';
import type { ConnectionId } from '../connections/ids.ts';
import { Database, type Transaction } from '../database/database.ts';
import { RawJson } from '../events/outbox/event-data.ts';
import { Outbox, type OutboxEvent } from '../events/outbox/outbox.ts';
import { MetaApps } from '../meta/meta-apps.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { DAY_SECONDS } from '../platform/duration.ts';
import { objectLabel } from './entry-subject.ts';
import { type EntryMatch, matchConnections, type SubjectConnection } from './match-connections.ts';
import type { WebhookEntry } from './split-webhook.ts';
import { insertWebhookEntries } from './webhook-entry.repository.ts';
import { WebhookEntryUsers } from './webhook-entry-users.ts';
import { WebhookMetrics } from './webhook-metrics.ts';

/** Meta repeats for 36 hours, for WhatsApp 7 days (META.md 15). */
export const REDELIVERY_WINDOW_SECONDS = 8 * DAY_SECONDS;

const NO_MATCH: EntryMatch = { recipients: [], connectionIds: [] };

interface MatchedEntry extends EntryMatch {
  entry: WebhookEntry;
}

/**
 * Stores the entries of a delivery: what is new becomes one event for each connection that it is about and whose access to that stands
 * (`receivesEvents`), or one without a connection. What it says about our access is not trusted: the connections become due for inspection, but for accounts that were taken
 * away in the WhatsApp Business app (`RemovedAccountService`). One transaction, and a handful of statements for a thousand entries.
 */
@Injectable()
export class WebhookIngestService {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly verificationRequests: VerificationRequests,
    private readonly assets: UnverifiedAssetService,
    private readonly removals: RemovedAccountService,
    private readonly announcedAccounts: AnnouncedAccountService,
    private readonly metrics: WebhookMetrics,
    private readonly clock: Clock,
    private readonly apps: MetaApps,
    private readonly users: WebhookEntryUsers,
  ) {}

  /** `signedBy`: the apps whose secret signed the delivery. Resolves when all is committed. `verificationCount`: connections that are due for inspection because of this delivery. */
  async ingest(
    delivered: readonly WebhookEntry[],
    signedBy: readonly string[],
  ): Promise<{ stored: number; verificationCount: number }> {
    const entries = delivered.map((entry) => ({ ...entry, hash: this.hashBySigners(entry.hash, signedBy) }));
    if (entries.length === 0) return { stored: 0, verificationCount: 0 };
    const result = await this.database.transaction(async (tx) => {
      const fresh = await this.insertNew(tx, entries);
      const spoken = fresh.filter(({ object }) => this.apps.maySpeakOf(signedBy, object));
      const matches = await matchConnections(
        tx,
        spoken.map(({ subject }) => subject),
        {
          userAppIds: this.apps.appsSpokenFor(signedBy),
          signersAt: (host) => this.apps.idsAt(host).filter((appId) => signedBy.includes(appId)),
        },
      );
      const matchOf = new Map(spoken.map((entry, index) => [entry, matches[index]]));
      const matched = fresh.map((entry) => ({ entry, ...(matchOf.get(entry) ?? NO_MATCH) }));
      await this.relay(tx, matched);
      await this.removals.process(
        tx,
        spoken.flatMap(({ removedAccounts }) => removedAccounts),
        signedBy,
      );
      await this.announcedAccounts.announce(
        tx,
        spoken.flatMap(({ announcedAccounts }) => announcedAccounts),
      );
      await this.assets.requestVerification(tx, 'whatsapp_business_account', accountsToVerify(spoken));
      return {
        matched,
        verificationCount: await this.verificationRequests.requestVerification(tx, connectionsToVerify(matched)),
      };
    });
    this.count(entries, result.matched);
    return { stored: result.matched.length, verificationCount: result.verificationCount };
  }

  /**
   * An app repeats what it said itself: so nobody with the secret of an Instagram or Threads app makes an entry of the Meta app look like a
   * repeat by sending it first.
   */
  private hashBySigners(hash: Buffer, signedBy: readonly string[]): Buffer {
    if (this.apps.all.some(({ id }) => signedBy.includes(id))) return hash;
    const signers = JSON.stringify([...signedBy].sort());
    return createHash('sha256').update(signers).update(hash).digest();
  }

  /** Those that have not been received within the last eight days. */
  private async insertNew(tx: Transaction, entries: readonly WebhookEntry[]): Promise<WebhookEntry[]> {
    const now = this.clock.now();
    const rows = entries.map(({ hash, object }) => ({ hash, object: objectLabel(object) }));
    const repeatableSince = addSeconds(now, -REDELIVERY_WINDOW_SECONDS);
    const inserted = await insertWebhookEntries(tx, rows, { now, repeatableSince });
    const fresh = new Set(inserted.map((hash) => hash.toString('hex')));
    return entries.filter(({ hash }) => fresh.has(hash.toString('hex')));
  }

  private async relay(tx: Transaction, matched: readonly MatchedEntry[]): Promise<void> {
    const unmatched = matched.filter(({ recipients }) => recipients.length === 0);
    const known = matched.flatMap(({ entry, recipients }) => recipients.map((each) => toEvent(entry, each)));
    await this.outbox.addAll(tx, known);
    const eventIds = await this.outbox.addAll(
      tx,
      unmatched.map(({ entry }) => toEvent(entry, null)),
    );
    const aboutUsers = unmatched.flatMap(({ entry }, index) => {
      const [metaUserId] = entry.subject.userIds;
      return metaUserId === undefined ? [] : [{ hash: entry.hash, metaUserId, eventId: eventIds[index] ?? null }];
    });
    await this.users.link(tx, aboutUsers);
  }

  private count(entries: readonly WebhookEntry[], matched: readonly MatchedEntry[]): void {
    const fresh = new Map(matched.map(({ entry, recipients }) => [entry, recipients.length > 0]));
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

function connectionsToVerify(matched: readonly MatchedEntry[]): ConnectionId[] {
  const about = matched.filter(({ entry }) => entry.subject.isAboutAccess);
  return [...new Set(about.flatMap(({ connectionIds }) => connectionIds))];
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
