import type { AppKind, AppRecord, LoginConfiguration, PageRecord, Principal, PrincipalKind } from './records.ts';
import type { SandboxStore } from './sandbox-store.ts';

/** Credentials of the Meta app and its Instagram and Threads apps. */
export interface SandboxApp {
  id: string;
  secret: string;
  instagramAppId: string;
  instagramAppSecret: string;
  threadsAppId: string;
  threadsAppSecret: string;
}

/** Fixed, so that restarts and copied commands keep working. Invented: not real secrets. */
export const defaultApp: SandboxApp = {
  id: '1029384756102938',
  secret: '5a4d4e4db0c05a4d4e4db0c05a4d4e4d',
  instagramAppId: '2039485761203948',
  instagramAppSecret: '1a57a94a0b0c1a57a94a0b0c1a57a94a',
  threadsAppId: '3049586712304958',
  threadsAppSecret: '7b4ead50b0c07b4ead50b0c07b4ead50',
};

export const allTasks = ['ANALYZE', 'ADVERTISE', 'MESSAGING', 'MODERATE', 'CREATE_CONTENT', 'MANAGE'];

export const seedIds = {
  user: '100000000000101',
  pages: ['200000000000201', '200000000000202', '200000000000203'],
  instagramAccount: '17841400000000301',
  instagramUser: '25000000000000302',
  threadsUser: '26000000000000303',
  business: '300000000000401',
  waba: '310000000000402',
  phone: '320000000000403',
  adAccount: 'act_330000000000404',
  /** The Facebook Login for Business configuration for Embedded Signup. */
  signupConfiguration: '340000000000405',
  /** A user whose Page and ad account are only reachable through a portfolio. */
  portfolioUser: '100000000000102',
  portfolio: '300000000000411',
  portfolioPage: '200000000000211',
  clientPage: '200000000000212',
  portfolioInstagramAccount: '17841400000000311',
  portfolioAdAccount: 'act_330000000000414',
} as const;

/** Meta's template "Embedded Signup with 60 expiration token" (docs/meta-facts.md#embedded-signup). */
const signupConfiguration: LoginConfiguration = {
  id: seedIds.signupConfiguration,
  tokenType: 'system_user',
  scopes: ['whatsapp_business_management', 'whatsapp_business_messaging'],
  expiresIn: 5_184_000,
};

/** An app with its secret and nothing else. */
export function newApp(kind: AppKind, id: string, secret: string, name: string): AppRecord {
  return {
    id,
    secret,
    kind,
    name,
    redirectUris: null,
    requireProof: false,
    live: true,
    deauthorizeUrl: null,
    dataDeletionUrl: null,
    configurations: {},
    subscriptions: {},
  };
}

export function newPrincipal(kind: PrincipalKind, id: string, name: string): Principal {
  return {
    id,
    kind,
    name,
    checkpoint: null,
    pageRoles: [],
    businessIds: [],
    adAccountIds: [],
    developerOf: [],
    grants: {},
  };
}

export function newPage(id: string, name: string, instagramId: string | null): PageRecord {
  return {
    id,
    name,
    category: 'Phone/Tablet',
    categoryList: [{ id: '2265', name: 'Phone/Tablet' }],
    instagramId,
    deleted: false,
    subscribedApps: {},
  };
}

/** Seeds one user with everything the products need: Pages, Instagram, WhatsApp, ads, Threads. */
export function seedDefaults(store: SandboxStore, app: SandboxApp): void {
  seedApps(store, app);
  store.instagramAccounts.set(seedIds.instagramAccount, {
    id: seedIds.instagramAccount,
    username: 'sandbox.bakery',
    name: 'Sandbox Bakery',
  });
  const names = ['Sandbox Bakery', 'Sandbox Bookshop', 'Café «Sandkasten»'];
  seedIds.pages.forEach((id, index) => {
    store.pages.set(id, newPage(id, names[index] ?? id, index === 0 ? seedIds.instagramAccount : null));
  });
  store.businesses.set(seedIds.business, { id: seedIds.business, name: 'Sandbox Business', requiresExpiry: false });
  store.wabas.set(seedIds.waba, {
    id: seedIds.waba,
    name: 'Sandbox WhatsApp',
    businessId: seedIds.business,
    currency: 'USD',
    subscribedApps: {},
  });
  store.phones.set(seedIds.phone, {
    id: seedIds.phone,
    wabaId: seedIds.waba,
    displayPhoneNumber: '+1 555-555-5555',
    verifiedName: 'Sandbox Bakery',
    qualityRating: 'GREEN',
    pin: null,
    registered: false,
  });
  store.adAccounts.set(seedIds.adAccount, {
    id: seedIds.adAccount,
    accountId: seedIds.adAccount.slice(4),
    name: 'Sandbox Ads',
    currency: 'EUR',
    status: 1,
    businessId: seedIds.business,
  });
  seedUsers(store);
  seedPortfolio(store);
}

/**
 * Seeds a portfolio: a Page and an ad account that `/me/accounts` and `/me/adaccounts` leave out, and a client's Page
 * without a task.
 */
function seedPortfolio(store: SandboxStore): void {
  const { portfolio, portfolioPage, portfolioInstagramAccount, portfolioAdAccount, clientPage } = seedIds;
  store.businesses.set(portfolio, {
    id: portfolio,
    name: 'Sandbox Portfolio',
    requiresExpiry: false,
    clientPageIds: [clientPage],
  });
  store.instagramAccounts.set(portfolioInstagramAccount, {
    id: portfolioInstagramAccount,
    username: 'sandbox.portfolio',
    name: 'Sandbox Portfolio',
  });
  store.pages.set(portfolioPage, {
    ...newPage(portfolioPage, 'Sandbox Portfolio Page', portfolioInstagramAccount),
    businessId: portfolio,
  });
  store.pages.set(clientPage, newPage(clientPage, 'Sandbox Client Page', null));
  store.adAccounts.set(portfolioAdAccount, {
    id: portfolioAdAccount,
    accountId: portfolioAdAccount.slice(4),
    name: 'Sandbox Portfolio Ads',
    currency: 'EUR',
    status: 1,
    businessId: portfolio,
  });
  const user = newPrincipal('user', seedIds.portfolioUser, 'Sandbox Portfolio User');
  user.email = 'sandbox.portfolio@example.com';
  user.businessIds = [portfolio];
  user.pageRoles = [{ pageId: portfolioPage, tasks: [...allTasks], generation: 0, throughBusiness: true }];
  store.principals.set(user.id, user);
}

/** Seeds the three apps, also into a state saved for other ids. */
export function seedApps(store: SandboxStore, app: SandboxApp): void {
  const facebook = newApp('facebook', app.id, app.secret, 'Sandbox App');
  store.apps.set(app.id, facebook);
  seedConfiguration(facebook);
  store.apps.set(app.instagramAppId, newApp('instagram', app.instagramAppId, app.instagramAppSecret, 'Sandbox App-IG'));
  store.apps.set(app.threadsAppId, newApp('threads', app.threadsAppId, app.threadsAppSecret, 'Sandbox App-Threads'));
}

/** Seeds the Embedded Signup configuration, also into older states. */
export function seedConfiguration(app: AppRecord): void {
  app.configurations[signupConfiguration.id] ??= { ...signupConfiguration };
}

function seedUsers(store: SandboxStore): void {
  const user = newPrincipal('user', seedIds.user, 'Sandbox User');
  user.email = 'sandbox.user@example.com';
  user.pageRoles = seedIds.pages.map((pageId) => ({ pageId, tasks: [...allTasks], generation: 0 }));
  user.businessIds = [seedIds.business];
  user.adAccountIds = [seedIds.adAccount];
  store.principals.set(user.id, user);
  const instagram = newPrincipal('instagram_user', seedIds.instagramUser, 'Sandbox Bakery');
  instagram.username = 'sandbox.bakery';
  instagram.accountId = seedIds.instagramAccount;
  store.principals.set(instagram.id, instagram);
  const threads = newPrincipal('threads_user', seedIds.threadsUser, 'Sandbox Threads');
  threads.username = 'sandbox.threads';
  store.principals.set(threads.id, threads);
}
