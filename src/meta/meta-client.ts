import type { Clock } from '../platform/clock.ts';
import { AppApi } from './app-api.ts';
import { AdAccountApi } from './assets/ad-account-api.ts';
import { BusinessApi } from './assets/business-api.ts';
import { DiscoveryApi } from './assets/discovery-api.ts';
import { PageApi } from './assets/page-api.ts';
import { PhoneSynchronizationApi } from './assets/phone-synchronization-api.ts';
import { WhatsappApi } from './assets/whatsapp-api.ts';
import type { GraphTransport } from './graph/graph-transport.ts';
import { BatchInspection } from './tokens/batch-inspection.ts';
import { InspectionApi } from './tokens/inspection-api.ts';
import { OAuthApi } from './tokens/oauth-api.ts';
import { RevocationApi } from './tokens/revocation-api.ts';
import { SystemUserApi } from './tokens/system-user-api.ts';

/** Meta's API as called by one app: with its ids, secrets, proofs and version. */
export class MetaClient {
  readonly app: AppApi;
  readonly discovery: DiscoveryApi;
  readonly inspection: InspectionApi;
  readonly oauth: OAuthApi;
  readonly pages: PageApi;
  readonly revocation: RevocationApi;
  readonly synchronization: PhoneSynchronizationApi;
  readonly systemUsers: SystemUserApi;
  readonly whatsappAccounts: WhatsappApi;

  constructor(transport: GraphTransport, clock: Clock) {
    const businesses = new BusinessApi(transport);
    const adAccounts = new AdAccountApi(transport, businesses);
    this.app = new AppApi(transport);
    this.inspection = new InspectionApi(transport, new BatchInspection(transport));
    this.oauth = new OAuthApi(transport, clock);
    this.pages = new PageApi(transport, businesses);
    this.revocation = new RevocationApi(transport);
    this.synchronization = new PhoneSynchronizationApi(transport);
    this.systemUsers = new SystemUserApi(transport, clock);
    this.whatsappAccounts = new WhatsappApi(transport);
    this.discovery = new DiscoveryApi(transport, this.pages, adAccounts, this.whatsappAccounts);
  }
}
