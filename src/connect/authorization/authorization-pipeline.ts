import { Injectable } from '@nestjs/common';
import type { Actor } from '../../audit/audit-log.ts';
import { Config } from '../../config/config.ts';
import { EstablishConnection, type Establishment } from '../../connections/authorization/connection-provisioner.ts';
import { type TokenIntake, TokenIntakes } from '../../connections/authorization/pending-authorization.repository.ts';
import { scopesMissing } from '../../connections/connection/missing-scopes.ts';
import type { StatusReason } from '../../connections/connection/status-reason.ts';
import type { Transaction } from '../../database/database.ts';
import { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import { type Flow, missingScopes } from '../../meta/dialog/product-scopes.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import type { CredentialKind } from '../../meta/tokens/credential-kind.ts';
import { InspectionApi } from '../../meta/tokens/inspection-api.ts';
import type { Inspection } from '../../meta/tokens/inspection-result.ts';
import { OAuthApi } from '../../meta/tokens/oauth-api.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { ConnectFailure, wordsOfDeath } from '../connect-failed-error.ts';
import { discover } from '../discovery/discover-assets.ts';
import type { Discovered, DiscoveryInput, Shortcoming } from '../discovery/discovery.ts';
import { type IntakeHints, readHints } from './authorization-hints.ts';

/** A token that lives longer is long-lived already: short ones live one to two hours, long ones 60 days (META.md 2). */
const SHORT_LIVED_SECONDS = 24 * 60 * 60;

/** An intake under way. `intake` moves on with each stage, so that who ends it ends what is sealed now. */
export interface IntakeWork {
  intake: TokenIntake;
  actor: Actor;
  requestId: string | null;
}

/**
 * From a sealed token to a connection: long-lived where it is not, inspected, assets discovered, established. Begins at whatever
 * stage the intake is, so a crash at any point costs no more than a repeated call that may be repeated.
 */
@Injectable()
export class IntakeJourney {
  constructor(
    private readonly intakes: TokenIntakes,
    private readonly oauth: OAuthApi,
    private readonly inspection: InspectionApi,
    private readonly discovery: DiscoveryApi,
    private readonly establishing: EstablishConnection,
    private readonly config: Config,
    private readonly clock: Clock,
  ) {}

  /** The connection's id. Throws `MetaError`, `ConnectFailure`, or `ClaimLost` where another replica has taken over. */
  async run(work: IntakeWork, within: (tx: Transaction, connectionId: string) => Promise<void>): Promise<string> {
    const hints = readHints(work.intake.hints);
    const inspected = await this.makeLongLived(work, hints);
    const token = await this.intakes.open(work.intake);
    const inspection = inspected ?? (await this.inspect(hints.kind ?? 'unknown', token));
    const scopes = inspection.scopes ?? (await this.scopesOf(inspection.kind, token, hints));
    const isOfPerson = work.intake.flow !== 'import';
    const input = { token, inspection, scopes, hints, isOfPerson, meta: this.config.meta };
    const found = await discover(work.intake.product, this.discovery, input);
    const name = inspection.subjectName ?? (await this.nameOf(inspection.kind, token));
    const establishment = this.establishment(work, input, found, name);
    return (await this.establishing.establish(establishment, within)).connectionId;
  }

  /** The truth about a token. Throws `ConnectFailure` `token_rejected` for one that is dead, foreign, or nobody's. */
  async inspect(kind: CredentialKind | 'unknown', token: SecretString): Promise<Inspection> {
    const result = await this.inspection.inspect(kind, token);
    if (result.valid) return result;
    if (result.reason === 'dead') {
      const detail = 'Meta says that the token is not valid (any more).';
      const words = { detail, ...wordsOfDeath(result.verdict.reason) };
      throw new ConnectFailure('token_rejected', { meta: result.meta, isFinal: true, ...words });
    }
    const detail =
      result.reason === 'foreign_app' ? 'The token was not issued to this app.' : 'An app token cannot be connected.';
    throw new ConnectFailure('token_rejected', { detail, isFinal: true });
  }

  /**
   * Puts a long-lived token in the place of a short-lived one; answers the inspection where one was needed to know, and still
   * holds. A system-user token stays as it is: its end was chosen by the configuration (META.md 6).
   */
  private async makeLongLived(work: IntakeWork, hints: IntakeHints): Promise<Inspection | null> {
    const { intake } = work;
    if (intake.stage === 'long_lived') return null;
    const kind = hints.kind ?? 'unknown';
    if (kind === 'unknown' || hints.isGiven) {
      const inspection = await this.inspect(kind, await this.intakes.open(intake));
      if (inspection.kind !== 'user' || !this.isShort(inspection.expiresAt)) return inspection;
      return this.exchange(work, 'user');
    }
    if (kind === 'page' || kind === 'system_user' || !this.isShort(intake.expiresAt ?? 'unknown')) return null;
    return this.exchange(work, kind);
  }

  private async exchange(work: IntakeWork, kind: Exclude<CredentialKind, 'page'>): Promise<null> {
    const short = await this.intakes.open(work.intake);
    try {
      const granted = await this.oauth.exchangeForLongLived(kind, short);
      const expiresAt = granted.expiresAt === 'unknown' ? null : granted.expiresAt;
      work.intake = await this.intakes.advance(work.intake, granted.accessToken, expiresAt);
      return null;
    } catch (error) {
      // A refusal of no certain meaning: the inspection tells whether the token is dead. Alive, it is tried again later.
      if (error instanceof MetaError && error.verdict.kind === 'suspect') await this.inspect(kind, short);
      throw error;
    }
  }

  private isShort(expiresAt: Date | null | 'unknown'): boolean {
    if (expiresAt === 'unknown') return true;
    return expiresAt !== null && expiresAt < addSeconds(this.clock.now(), SHORT_LIVED_SECONDS);
  }

  /** For hosts whose inspection is silent on scopes: what the code's answer said, else what the dialog asked for. */
  private async scopesOf(kind: CredentialKind, token: SecretString, hints: IntakeHints): Promise<string[]> {
    if (kind === 'user') return (await this.discovery.permissions(token)).granted;
    return hints.grantedScopes ?? hints.requestedScopes;
  }

  /** A name for people who look at the list. Nothing depends on it, so a refusal leaves it out. */
  private async nameOf(kind: CredentialKind, token: SecretString): Promise<string | null> {
    if (kind === 'instagram_user' || kind === 'threads_user') return null;
    try {
      return (await this.discovery.me(token)).name;
    } catch (error) {
      if (error instanceof MetaError) return null;
      throw error;
    }
  }

  private establishment(
    { intake, actor, requestId }: IntakeWork,
    { token, inspection, scopes, hints }: DiscoveryInput,
    found: Discovered,
    subjectName: string | null,
  ): Establishment {
    const { kind, subjectId, issuedAt } = inspection;
    const missing =
      scopes.length === 0 ? [] : missingScopes(intake.product, scopeFlow(intake.flow as Flow, kind), scopes);
    const wanted = new Set([...missing, ...hints.requestedScopes]);
    const shortcoming: Shortcoming | null = missing.length === 0 ? found.shortcoming : scopesMissing(missing);
    const expiresAt = inspection.expiresAt === 'unknown' ? intake.expiresAt : inspection.expiresAt;
    return {
      intake,
      appId: appIdOf(this.config, kind),
      // A page token rests on the page: two pages of one person, imported one by one, are two connections.
      metaUserId: kind === 'page' ? subjectId : inspection.userId,
      appScopedUserId: inspection.appScopedUserId ?? null,
      scopes,
      declinedScopes: scopes.length === 0 ? [] : [...wanted].filter((scope) => !scopes.includes(scope)),
      dataAccessExpiresAt: inspection.dataAccessExpiresAt,
      graphApiVersion: this.config.meta.graphApiVersion,
      statusReason: shortcoming === null ? null : this.statusReason(shortcoming),
      isUnusable: shortcoming?.isUnusable === true,
      root: { kind, subjectId, subjectName, token, scopes, issuedAt, expiresAt },
      pages: found.pages,
      assets: found.assets,
      actor,
      requestId,
    };
  }

  private statusReason(shortcoming: Shortcoming): StatusReason {
    const { isUnusable: _, ...reason } = shortcoming;
    return { ...reason, since_at: this.clock.now().toISOString() };
  }
}

function appIdOf({ meta }: Config, kind: CredentialKind): string {
  if (kind === 'instagram_user') return meta.instagramApp.id;
  return kind === 'threads_user' ? meta.threadsApp.id : meta.app.id;
}

/** Whose scopes count: an imported Instagram token comes from Instagram's own login. */
function scopeFlow(flow: Flow, kind: CredentialKind): Flow {
  return kind === 'instagram_user' ? 'instagram_login' : flow;
}
