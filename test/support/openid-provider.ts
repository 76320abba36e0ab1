import type { IncomingMessage, ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
import { OWN_ORIGIN } from './console-test-context.ts';
import { listen } from './http-listener.ts';

const OIDC_CLIENT_ID = 'metavault-console';
const OIDC_CLIENT_SECRET = 'the-secret-of-the-console-at-the-provider';

/** Claims of a person, besides `sub`. */
interface Person {
  name: string;
  groups?: string[];
  tenants?: string[];
}

/** A real OpenID Connect provider, whose login page logs in whomever a test names. */
export interface TestOpenIdProvider {
  url: string;
  /** By `sub`. */
  people: Map<string, Person>;
  /** Who logs in when the provider asks; null: they decline. */
  next: string | null;
  /** Settings of a replica that uses it. */
  environment(): Record<string, string>;
  /** Opens a separate browser, in which a person may already be logged in at the provider. */
  openBrowser(): ProviderBrowser;
  close(): Promise<void>;
}

/** `origin`: that of the console. */
export async function startOpenIdProvider(origin = OWN_ORIGIN): Promise<TestOpenIdProvider> {
  const server = await listen((request, response) => void handle(request, response));
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const provider = new Provider(server.url, {
    clients: [
      {
        client_id: OIDC_CLIENT_ID,
        client_secret: OIDC_CLIENT_SECRET,
        redirect_uris: [`${origin}/console/sign-in/oidc/callback`],
        post_logout_redirect_uris: [`${origin}/console`],
      },
    ],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
    cookies: { keys: ['a key for the cookies of a test'] },
    claims: { openid: ['sub'], profile: ['name', 'groups', 'tenants'], email: ['email'] },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true, logoutSource } },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...self.people.get(sub) }) }),
  });
  const callback = provider.callback();
  const handle = (request: IncomingMessage, response: ServerResponse): Promise<void> =>
    request.url?.startsWith('/interaction/')
      ? interact(provider, self.next, request, response)
      : callback(request, response);
  const self: TestOpenIdProvider = {
    url: server.url,
    people: new Map(),
    next: null,
    environment: () => ({
      CONSOLE_OIDC_ISSUER: server.url,
      CONSOLE_OIDC_NAME: 'Example ID',
      CONSOLE_OIDC_CLIENT_ID: OIDC_CLIENT_ID,
      CONSOLE_OIDC_CLIENT_SECRET: OIDC_CLIENT_SECRET,
      CONSOLE_OIDC_ROLE_CLAIM: 'groups',
      CONSOLE_OIDC_ROLES: 'admin=vault-admins,auditor=vault-auditors,auditor=support',
      CONSOLE_OIDC_TENANTS_CLAIM: 'tenants',
    }),
    openBrowser: () => new ProviderBrowser(server.url),
    close: server.close,
  };
  return self;
}

/** The sign-out page. The provider's own page loads a font from another host. */
function logoutSource(context: { body: unknown }, form: string): void {
  const button = '<button type="submit" form="op.logoutForm" name="logout" value="yes">Yes, sign me out</button>';
  context.body = `<!doctype html><title>Sign out</title>${form}${button}`;
}

/** The login page: answers at once, as a person would. */
async function interact(
  provider: Provider,
  accountId: string | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  const finish = (result: Parameters<Provider['interactionFinished']>[2]): Promise<void> =>
    provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  if (accountId === null) return finish({ error: 'access_denied' });
  if (prompt.name === 'login') return finish({ login: { accountId } });
  const existing = grantId === undefined ? undefined : await provider.Grant.find(grantId);
  const owner = { accountId: session?.accountId ?? accountId, clientId: String(params['client_id']) };
  const grant = existing ?? new provider.Grant(owner);
  grant.addOIDCScope('openid profile email');
  return finish({ consent: { grantId: await grant.save() } });
}

/** Follows the provider's redirects with its cookies. */
export class ProviderBrowser {
  readonly #cookies = new Map<string, string>();

  constructor(private readonly providerUrl: string) {}

  /** Opens an address of the provider. Returns the address outside of it that the redirects end at. */
  async open(address: string): Promise<string> {
    for (let url = address; ; ) {
      if (!url.startsWith(this.providerUrl)) return url;
      const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const response = await fetch(url, { redirect: 'manual', headers: { cookie } });
      for (const line of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (value === '') this.#cookies.delete(name);
        else this.#cookies.set(name, value);
      }
      const location = response.headers.get('location');
      if (location === null) throw new Error(`${url} leads nowhere: ${response.status} ${await response.text()}`);
      url = new URL(location, url).href;
    }
  }
}
