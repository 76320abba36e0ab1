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
import { type MetaApp, MetaApps } from '../meta/meta-apps.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { DAY_SECONDS } from '../platform/duration.ts';
import { objectLabel } from './entry-subject.ts';
import { type EntryMatch, matchConnections, type SubjectConnection } from './match-connections.ts';
import type { WebhookEntry } from './split-webhook.ts';
import { insertWebhookEntries } from './webhook-entry.repository.ts';
import { WebhookEntryUsers } from './webhook-entry-users.ts';
import { WebhookMetrics } from './webhook-metrics.ts';

/** Meta repeats for 36 hours, WhatsApp for 7 days (docs/meta-facts.md#delivery). */
export const REDELIVERY_WINDOW_SECONDS = 8 * DAY_SECONDS;

const NO_MATCH: EntryMatch = { recipients: [], connectionIds: [] };

interface MatchedEntry extends EntryMatch {
  entry: WebhookEntry;
}

/** Answers Meta within a second if the database is unavailable; Meta then repeats the delivery. */
const LIMITS = { beginWithinMs: 900 };

/**
 * Stores a delivery's entries. Each new one becomes an event per connection that it is about and that may receive it
 * (`receivesEvents`), or a single event without a connection. Claims about our access are not trusted but make
 * connections due for inspection, except accounts disconnected in the WhatsApp Business app (`RemovedAccountService`).
 * One transaction and a handful of statements, even for a thousand entries.
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

  /**
   * Resolves after the commit. `app`: whose callback it came to; `signedBy`: which of its ids signed it.
   * `verificationCount`: connections now due for inspection.
   */
  async ingest(
    delivered: readonly WebhookEntry[],
    app: MetaApp,
    signedBy: readonly string[],
  ): Promise<{ stored: number; verificationCount: number }> {
    const entries = delivered.map((entry) => ({ ...entry, hash: this.hashBySigners(entry.hash, app, signedBy) }));
    if (entries.length === 0) return { stored: 0, verificationCount: 0 };
    const result = await this.database.transaction(async (tx) => {
      const fresh = await this.insertNew(tx, entries);
      const spoken = fresh.filter(({ object }) => app.maySend(signedBy, object));
      const matches = await matchConnections(
        tx,
        spoken.map(({ subject }) => subject),
        {
          assetAppIds: app.appIds,
          userAppIds: app.appsSpokenForBy(signedBy),
          signersAt: (host) => signedBy.filter((appId) => app.host(host).app?.id === appId),
        },
      );
      const matchOf = new Map(spoken.map((entry, index) => [entry, matches[index]]));
      const matched = fresh.map((entry) => ({ entry, ...(matchOf.get(entry) ?? NO_MATCH) }));
      await this.relay(tx, app, matched);
      await this.removals.process(
        tx,
        spoken.flatMap(({ removedAccounts }) => removedAccounts),
        signedBy,
      );
      await this.announcedAccounts.announce(
        tx,
        spoken.flatMap(({ announcedAccounts }) => announcedAccounts),
        app === this.apps.primary ? null : app.id,
      );
      await this.assets.requestVerification(tx, 'whatsapp_business_account', accountsToVerify(spoken));
      return {
        matched,
        verificationCount: await this.verificationRequests.requestVerification(tx, connectionsToVerify(matched)),
      };
    }, LIMITS);
    this.count(entries, result.matched);
    return { stored: result.matched.length, verificationCount: result.verificationCount };
  }

  /**
   * Only an app itself can repeat its entries. Otherwise the secret of an Instagram or Threads app would suffice to
   * send an entry of the Meta app first and make the real one look like a repeat.
   */
  private hashBySigners(hash: Buffer, app: MetaApp, signedBy: readonly string[]): Buffer {
    if (app === this.apps.primary && signedBy.includes(app.id)) return hash;
    // Two apps may get the same entry of an account, each for its own tenants.
    const signers = JSON.stringify(signedBy.includes(app.id) ? [app.id] : [...signedBy].sort());
    return createHash('sha256').update(signers).update(hash).digest();
  }

  /** Entries not received within the last eight days. */
  private async insertNew(tx: Transaction, entries: readonly WebhookEntry[]): Promise<WebhookEntry[]> {
    const now = this.clock.now();
    const rows = entries.map(({ hash, object }) => ({ hash, object: objectLabel(object) }));
    const repeatableSince = addSeconds(now, -REDELIVERY_WINDOW_SECONDS);
    const inserted = await insertWebhookEntries(tx, rows, { now, repeatableSince });
    const fresh = new Set(inserted.map((hash) => hash.toString('hex')));
    return entries.filter(({ hash }) => fresh.has(hash.toString('hex')));
  }

  private async relay(tx: Transaction, app: MetaApp, matched: readonly MatchedEntry[]): Promise<void> {
    const unmatched = matched.filter(({ recipients }) => recipients.length === 0);
    const known = matched.flatMap(({ entry, recipients }) => recipients.map((each) => toEvent(entry, each)));
    await this.outbox.addAll(tx, known);
    const eventIds = await this.outbox.addAll(
      tx,
      unmatched.map(({ entry }) => withApp(toEvent(entry, null), app)),
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

/** Names the app of an event that belongs to no connection. */
function withApp(event: OutboxEvent, app: MetaApp): OutboxEvent {
  return { ...event, data: { ...event.data, app_id: app.id } };
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
