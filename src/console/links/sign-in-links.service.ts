import { Injectable } from '@nestjs/common';
import type { Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { generateChecksummedToken, isChecksummedToken } from '../../auth/credentials/checksummed-token.ts';
import { KeyHasher } from '../../auth/credentials/key-hasher.ts';
import type { ClientId } from '../../auth/ids.ts';
import { Config } from '../../config/config.ts';
import { Database } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import { Random } from '../../platform/random.ts';
import { SignInLinkRepository, type SignInLinkRow } from './sign-in-link.repository.ts';

const PREFIX = 'msl';
const LIFETIME_SECONDS = 10 * 60;

/** Who creates a link: an admin client, or an operator at the command line (`client` null). */
export interface LinkCreator {
  actor: Actor;
  requestId: string | null;
  client: { clientId: ClientId; name: string } | null;
}

export interface CreatedSignInLink {
  /** The token is in the fragment, which browsers send to no server, so that no log has it. */
  url: string;
  expiresAt: Date;
}

/** Links that sign in to the console once, within ten minutes. */
@Injectable()
export class SignInLinks {
  constructor(
    private readonly links: SignInLinkRepository,
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly hasher: KeyHasher,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly random: Random,
    private readonly config: Config,
  ) {}

  async create({ actor, requestId, client }: LinkCreator): Promise<CreatedSignInLink> {
    const token = generateChecksummedToken(PREFIX, this.random);
    const now = this.clock.now();
    const expiresAt = addSeconds(now, LIFETIME_SECONDS);
    const link: SignInLinkRow = {
      id: this.ids.next('sil'),
      hash: this.hasher.blindIndex(token.expose()),
      name: client?.name ?? 'operator',
      client_id: client?.clientId ?? null,
      created_at: now,
      expires_at: expiresAt,
      used_at: null,
    };
    await this.database.transaction(async (tx) => {
      await this.links.insert(tx, link);
      await this.audit.record(tx, {
        action: 'console.sign_in_link_created',
        actor,
        subjectId: link.id,
        requestId,
        details: { expires_at: expiresAt.toISOString() },
      });
    });
    return { url: `${this.config.publicUrl}/console#sign-in=${token.expose()}`, expiresAt };
  }

  /** Marks a link as used in the transaction that starts its session. Returns it, or why it can't sign anyone in. */
  async redeem(tx: SqlExecutor, token: string): Promise<SignInLinkRow | 'unknown_link' | 'used_link' | 'expired_link'> {
    const now = this.clock.now();
    const link = isChecksummedToken(PREFIX, token) ? await this.links.lock(tx, this.hasher.blindIndex(token)) : null;
    if (link === null) return 'unknown_link';
    if (link.used_at !== null) return 'used_link';
    if (link.expires_at <= now) return 'expired_link';
    await this.links.use(tx, link, now);
    return link;
  }
}
