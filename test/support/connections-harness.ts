import { SYSTEM } from '../../src/audit/actor.ts';
import { AuditLog } from '../../src/audit/audit-log.ts';
import type { Config, Product } from '../../src/config/config.ts';
import { DEFAULT_GRAPH_API_VERSION } from '../../src/config/graph-api-version.ts';
import type { PhoneCoexistence } from '../../src/connections/assets/phone-coexistence.ts';
import { ConnectionProvisioner } from '../../src/connections/authorization/connection-provisioner.ts';
import { PendingAuthorizationRepository } from '../../src/connections/authorization/pending-authorization.repository.ts';
import type { GrantedAsset, ProvisioningInput } from '../../src/connections/authorization/provisioning-input.ts';
import { CredentialWriter, type GrantedCredential } from '../../src/connections/credentials/credential-writer.ts';
import { ConnectionRevoker } from '../../src/connections/revocation/connection-revoker.ts';
import type { Database } from '../../src/database/database.ts';
import { EventContents } from '../../src/events/outbox/event-contents.ts';
import { Outbox } from '../../src/events/outbox/outbox.ts';
import { ConnectionLeasesRepository } from '../../src/leases/connection-leases.repository.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { SecretString } from '../../src/platform/secret-string.ts';
import type { TestVault } from './test-vault.ts';

export interface ConnectionsHarness {
  pendingAuthorizations: PendingAuthorizationRepository;
  provisioner: ConnectionProvisioner;
  revoke: ConnectionRevoker;
  writer: CredentialWriter;
  audit: AuditLog;
  outbox: Outbox;
}

/** The connections module, put together by hand. */
export function createConnectionsHarness(
  database: Database,
  clock: Clock,
  config: Config,
  of: TestVault,
): ConnectionsHarness {
  const audit = new AuditLog(clock, of.ids, of.ring, of.integrity);
  const outbox = new Outbox(clock, of.ids, of.integrity, new EventContents(of.payloads));
  const writer = new CredentialWriter(of.vault, of.ring, of.ids, of.random, audit);
  const pendingAuthorizations = new PendingAuthorizationRepository(database, of.vault, clock, of.ids);
  return {
    pendingAuthorizations,
    writer,
    audit,
    outbox,
    provisioner: new ConnectionProvisioner(
      database,
      writer,
      pendingAuthorizations,
      audit,
      outbox,
      clock,
      of.ids,
      config,
      of.random,
    ),
    revoke: new ConnectionRevoker(database, writer, new ConnectionLeasesRepository(of.rowMacs), audit, outbox, clock),
  };
}

export interface ConnectionOptions {
  tenant?: string;
  product?: Product;
  flow?: string;
  appId?: string;
  metaUserId?: string;
  root?: Partial<Omit<GrantedCredential, 'token'>> & { token?: string };
  /** `token` null: Meta gives none for the Page. */
  pages?: { id: string; token: string | null; instagramId?: string }[];
  phones?: { id: string; wabaId: string; coexistence?: PhoneCoexistence }[];
}

/** Connects without Meta: a user token (60 days) and the pages of the recipe. Returns the connection's id. */
export async function connect(
  harness: Pick<ConnectionsHarness, 'pendingAuthorizations' | 'provisioner'>,
  clock: Clock,
  options: ConnectionOptions = {},
): Promise<`con_${string}`> {
  const metaUserId = options.metaUserId ?? '100000000000001';
  const { token: rootToken = 'EAArootToken', ...root } = options.root ?? {};
  const expiresAt = new Date(clock.now().getTime() + 60 * 86_400_000);
  const pendingAuthorization = await harness.pendingAuthorizations.begin(
    {
      tenant: options.tenant ?? 'tenant-a',
      product: options.product ?? 'pages',
      flow: options.flow ?? 'facebook_login',
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
  const pages = options.pages ?? [];
  const provisioningInput: ProvisioningInput = {
    pendingAuthorization,
    appId: options.appId ?? '1000000000000001',
    metaUserId,
    scopes: ['pages_show_list'],
    declinedScopes: [],
    dataAccessExpiresAt: null,
    graphApiVersion: DEFAULT_GRAPH_API_VERSION,
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
    pages: pages.flatMap(({ id, token }) =>
      token === null
        ? []
        : [
            {
              kind: 'page' as const,
              subjectId: id,
              subjectName: `Page ${id}`,
              token: new SecretString(token),
              scopes: ['pages_show_list'],
              issuedAt: null,
              expiresAt: null,
            },
          ],
    ),
    assets: [
      ...(options.phones ?? []).map(phoneAsset),
      ...pages.flatMap((page) => [
        { type: 'page' as const, id: page.id, name: `Page ${page.id}`, parentId: null, ...reachedBy(page) },
        ...(page.instagramId === undefined
          ? []
          : [
              {
                type: 'instagram_account' as const,
                id: page.instagramId,
                name: null,
                parentId: page.id,
                ...reachedBy(page),
              },
            ]),
      ]),
    ],
    actor: SYSTEM,
    requestId: null,
  };
  return (await harness.provisioner.provision(provisioningInput)).connectionId;
}

function phoneAsset({ id, wabaId, coexistence }: NonNullable<ConnectionOptions['phones']>[number]): GrantedAsset {
  const of = { type: 'phone_number' as const, id, name: null, parentId: wabaId, pageId: null };
  return coexistence === undefined ? of : { ...of, coexistence };
}

function reachedBy({ id, token }: { id: string; token: string | null }): Pick<GrantedAsset, 'pageId' | 'isUsable'> {
  return token === null ? { pageId: null, isUsable: false } : { pageId: id };
}
