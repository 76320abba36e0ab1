import { createHash } from 'node:crypto';
import { ID_PREFIXES } from './credential-factory.ts';
import { newApp, newPrincipal, seedConfiguration } from './default-seed.ts';
import { newRole, numeric, PortfolioFactory } from './portfolio-factory.ts';
import type {
  AdAccount,
  AppKind,
  AppRecord,
  InstagramAccount,
  MediaRecord,
  PhoneNumber,
  Principal,
  PrincipalKind,
  WabaRecord,
} from './records.ts';

const MAX_MEDIA_BYTES = 256 * 1024 * 1024;

export interface NewUser {
  id?: string;
  kind?: PrincipalKind;
  name?: string;
  email?: string;
  username?: string;
  accountId?: string;
  businessId?: string;
  role?: string;
  pageIds?: string[];
  businessIds?: string[];
  adAccountIds?: string[];
  wabaIds?: string[];
  developerOf?: string[];
}

export interface NewApp {
  id: string;
  secret: string;
  /** Default `facebook`. */
  kind?: AppKind;
  name?: string;
}

/** Creates objects beyond the default seed, for tests and demos. Ids are digits, as at Meta. */
export class SandboxFactory extends PortfolioFactory {
  /** Shared by all media, so that they cost only the memory of the largest. */
  private pattern: Buffer = Buffer.alloc(0);

  /** Creates an app. A Meta app gets the Embedded Signup configuration; others come with `configurations`. */
  app({ id, secret, kind = 'facebook', name = `Sandbox App ${id}` }: NewApp): AppRecord {
    if (this.context.store.apps.has(id)) throw new Error(`there is an app ${id}`);
    const app = newApp(kind, numeric(id), secret, name);
    if (kind === 'facebook') seedConfiguration(app);
    this.context.store.apps.set(id, app);
    this.context.store.onChange();
    return app;
  }

  user(input: NewUser = {}): Principal {
    const kind = input.kind ?? 'user';
    const id = numeric(input.id ?? this.context.store.nextId(ID_PREFIXES[kind]));
    const user = newPrincipal(kind, id, input.name ?? `Sandbox Person ${id.slice(-4)}`);
    user.email = input.email ?? `person${id}@example.com`;
    user.username = input.username ?? `sandbox_${id.slice(-6)}`;
    if (kind === 'instagram_user') user.accountId = numeric(input.accountId ?? this.context.store.nextId('178414'));
    this.patch(user, input);
    this.context.store.principals.set(id, user);
    this.context.store.onChange();
    return user;
  }

  patchUser(id: string, input: Omit<NewUser, 'id' | 'kind'>): Principal {
    const user = this.context.user(id);
    this.patch(user, input);
    this.context.store.onChange();
    return user;
  }

  private patch(user: Principal, input: NewUser): void {
    const { pageIds, id: _id, kind: _kind, ...rest } = input;
    Object.assign(user, rest);
    if (pageIds !== undefined) {
      user.pageRoles = pageIds.map(
        (pageId) => user.pageRoles.find((role) => role.pageId === pageId) ?? newRole(pageId),
      );
    }
  }

  instagramAccount(input: Partial<InstagramAccount> = {}): InstagramAccount {
    const id = numeric(input.id ?? this.context.store.nextId('178414'));
    return this.keep(this.context.store.instagramAccounts, {
      username: `sandbox_${id.slice(-6)}`,
      name: 'Sandbox Account',
      ...input,
      id,
    });
  }

  waba(input: Partial<WabaRecord> & { businessId: string }): WabaRecord {
    const id = numeric(input.id ?? this.context.store.nextId('31'));
    return this.keep(this.context.store.wabas, {
      name: `Sandbox WABA ${id.slice(-4)}`,
      currency: 'USD',
      subscribedApps: {},
      ...input,
      id,
    });
  }

  phone(input: Partial<PhoneNumber> & { wabaId: string }): PhoneNumber {
    const id = numeric(input.id ?? this.context.store.nextId('32'));
    const made = {
      ...(input.isOnBizApp === true ? { onboardedAt: this.context.now() } : {}),
      displayPhoneNumber: '+1 555-555-0100',
      verifiedName: 'Sandbox',
      qualityRating: 'GREEN',
      pin: null,
      registered: false,
      ...input,
      id,
    };
    return this.keep(this.context.store.phones, made);
  }

  patchPhone(id: string, patch: Partial<Omit<PhoneNumber, 'id'>>): PhoneNumber {
    const phone = this.context.store.phones.get(id);
    if (phone === undefined) throw new Error(`no phone number ${id}`);
    return this.keep(this.context.store.phones, Object.assign(phone, patch));
  }

  adAccount(input: Partial<AdAccount> & { userId?: string } = {}): AdAccount {
    const { userId, ...rest } = input;
    const accountId = numeric(input.accountId ?? input.id?.replace(/^act_/, '') ?? this.context.store.nextId('33'));
    const account = {
      name: `Sandbox Ads ${accountId.slice(-4)}`,
      currency: 'EUR',
      status: 1,
      businessId: null,
      ...rest,
      accountId,
      id: `act_${accountId}`,
    };
    if (userId !== undefined) this.context.user(userId).adAccountIds.push(account.id);
    return this.keep(this.context.store.adAccounts, account);
  }

  /** Creates a medium with known bytes (`index % 251`), for downloads larger than kept uploads. */
  media(input: { size: number; mimeType?: string }): MediaRecord {
    if (!(input.size >= 0 && input.size <= MAX_MEDIA_BYTES)) throw new Error(`size must be 0 to ${MAX_MEDIA_BYTES}`);
    if (this.pattern.length < input.size) this.pattern = Buffer.from(Array.from({ length: 251 }, (_, index) => index));
    if (this.pattern.length < input.size) this.pattern = Buffer.alloc(input.size, this.pattern);
    const bytes = this.pattern.subarray(0, input.size);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const record = {
      id: this.context.store.nextId('70'),
      mimeType: input.mimeType ?? 'application/octet-stream',
      size: input.size,
      sha256,
      bytes,
    };
    this.context.store.addMedia(record);
    return record;
  }
}
