import { AuditLog, SYSTEM } from '../../src/audit/audit-log.ts';
import type { Config, Product } from '../../src/config/config.ts';
import { EstablishConnection, type Establishment } from '../../src/connections/authorization/connection-provisioner.ts';
import { TokenIntakes } from '../../src/connections/authorization/pending-authorization.repository.ts';
import { CredentialWriter, type GrantedCredential } from '../../src/connections/credentials/credential-writer.ts';
import { RevokeConnection } from '../../src/connections/revocation/connection-revoker.ts';
import type { Database } from '../../src/database/database.ts';
import { Outbox } from '../../src/events/outbox/outbox.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { SecretString } from '../../src/platform/secret-string.ts';
import type { TestVault } from './test-vault.ts';

export interface TestConnections {
  intakes: TokenIntakes;
  establish: EstablishConnection;
  revoke: RevokeConnection;
  writer: CredentialWriter;
  audit: AuditLog;
  outbox: Outbox;
}

/** The connections room, put together by hand. */
export function connectionsRoom(database: Database, clock: Clock, config: Config, of: TestVault): TestConnections {
  const audit = new AuditLog(clock, of.ids, of.ring);
  const outbox = new Outbox(clock, of.ids);
  const writer = new CredentialWriter(of.vault, of.ring, of.ids, of.random);
  const intakes = new TokenIntakes(database, of.vault, clock, of.ids);
  return {
    intakes,
    writer,
    audit,
    outbox,
    establish: new EstablishConnection(database, writer, intakes, audit, outbox, clock, of.ids, config),
    revoke: new RevokeConnection(database, writer, audit, outbox, clock),
  };
}

export interface ConnectionRecipe {
  tenant?: string;
  product?: Product;
  flow?: string;
  appId?: string;
  metaUserId?: string;
  root?: Partial<Omit<GrantedCredential, 'token'>> & { token?: string };
  pages?: { id: string; token: string; instagramId?: string }[];
}

/** Connects without any Meta: a user token (60 days) and the pages of the recipe. Returns the connection's id. */
export async function connect(
  room: Pick<TestConnections, 'intakes' | 'establish'>,
  clock: Clock,
  recipe: ConnectionRecipe = {},
): Promise<string> {
  const metaUserId = recipe.metaUserId ?? '100000000000001';
  const { token: rootToken = 'EAArootToken', ...root } = recipe.root ?? {};
  const expiresAt = new Date(clock.now().getTime() + 60 * 86_400_000);
  const intake = await room.intakes.begin(
    {
      tenant: recipe.tenant ?? 'tenant-a',
      product: recipe.product ?? 'pages',
      flow: recipe.flow ?? 'facebook_login',
      sessionId: null,
      stateHash: null,
      requestedBy: null,
      stage: 'long_lived',
      expiresAt,
      hints: {},
      token: new SecretString(rootToken),
    },
    60,
  );
  const pages = recipe.pages ?? [];
  const establishment: Establishment = {
    intake,
    appId: recipe.appId ?? '1000000000000001',
    metaUserId,
    scopes: ['pages_show_list'],
    declinedScopes: [],
    dataAccessExpiresAt: null,
    graphApiVersion: 'v25.0',
    statusReason: null,
    root: {
      kind: 'user',
      subjectId: metaUserId,
      subjectName: 'Test User',
      scopes: ['pages_show_list'],
      issuedAt: clock.now(),
      expiresAt,
      ...root,
      token: new SecretString(rootToken),
    },
    pages: pages.map((page) => ({
      kind: 'page',
      subjectId: page.id,
      subjectName: `Page ${page.id}`,
      token: new SecretString(page.token),
      scopes: ['pages_show_list'],
      issuedAt: null,
      expiresAt: null,
    })),
    assets: pages.flatMap((page) => [
      { type: 'page' as const, id: page.id, name: `Page ${page.id}`, parentId: null, pageId: page.id },
      ...(page.instagramId === undefined
        ? []
        : [
            {
              type: 'instagram_account' as const,
              id: page.instagramId,
              name: null,
              parentId: page.id,
              pageId: page.id,
            },
          ]),
    ]),
    actor: SYSTEM,
    requestId: null,
  };
  return (await room.establish.establish(establishment)).connectionId;
}
