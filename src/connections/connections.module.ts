import { Module, type OnModuleInit } from '@nestjs/common';
import { AuditedObjects } from '../audit/audited-objects.ts';
import { AnnouncedAccountService } from './announced-accounts/announced-account.service.ts';
import { AssetUpdateService } from './assets/asset-update.service.ts';
import { PhoneRegistrationService } from './assets/phone-registration.service.ts';
import { PhoneSynchronizationService } from './assets/phone-synchronization.service.ts';
import { RemovedAccountService } from './assets/removed-account.service.ts';
import { UnverifiedAssetService } from './assets/unverified-asset.service.ts';
import { ConnectionProvisioner } from './authorization/connection-provisioner.ts';
import { PendingAuthorizationRepository } from './authorization/pending-authorization.repository.ts';
import { AUDITED_CONNECTIONS } from './connection/audited-connections.query.ts';
import { ConnectionEntity } from './connection/connection.entity.ts';
import { ConnectionRepository } from './connection/connection.repository.ts';
import { ConnectionStatusService } from './connection/connection-status.service.ts';
import { ConnectionViews } from './connection/connection-views.ts';
import { ConnectionVisibility } from './connection/connection-visibility.ts';
import { VerificationRequests } from './connection/verification-requests.ts';
import { ConnectionPartsController } from './connection-parts.controller.ts';
import { ConnectionsController } from './connections.controller.ts';
import { ConnectionCountsService } from './counts/connection-counts.service.ts';
import { CredentialClaimRepository } from './credentials/credential-claim.repository.ts';
import { CredentialOutcomeService } from './credentials/credential-outcome.service.ts';
import { CredentialStatistics } from './credentials/credential-statistics.query.ts';
import { CredentialVersionService } from './credentials/credential-version.service.ts';
import { CredentialWriter } from './credentials/credential-writer.ts';
import { RenewalBatches } from './credentials/renewal-batches.ts';
import { RotationRequestService } from './credentials/rotation-request.service.ts';
import { DescriptionService } from './description/description.service.ts';
import { ConnectionEraser } from './revocation/connection-eraser.ts';
import { ConnectionRevoker } from './revocation/connection-revoker.ts';
import { PendingRevocationService } from './revocation/pending-revocation.service.ts';
import { TokenRevocationService } from './revocation/token-revocation.service.ts';
import { CredentialResealer } from './rollback/credential-resealer.ts';
import { RollbackDetector } from './rollback/rollback-detector.ts';

const PROVIDERS = [
  ConnectionViews,
  ConnectionVisibility,
  DescriptionService,
  VerificationRequests,
  ConnectionRepository,
  ConnectionStatusService,
  ConnectionCountsService,
  CredentialStatistics,
  CredentialClaimRepository,
  CredentialOutcomeService,
  CredentialVersionService,
  RenewalBatches,
  CredentialWriter,
  UnverifiedAssetService,
  AssetUpdateService,
  AnnouncedAccountService,
  ConnectionEraser,
  ConnectionProvisioner,
  PhoneRegistrationService,
  PhoneSynchronizationService,
  RemovedAccountService,
  PendingRevocationService,
  RotationRequestService,
  TokenRevocationService,
  ConnectionRevoker,
  CredentialResealer,
  RollbackDetector,
  PendingAuthorizationRepository,
];

/** Entities to register with the data source. */
export const CONNECTION_ENTITIES = [ConnectionEntity];

@Module({ controllers: [ConnectionsController, ConnectionPartsController], providers: PROVIDERS, exports: PROVIDERS })
export class ConnectionsModule implements OnModuleInit {
  constructor(private readonly audited: AuditedObjects) {}

  onModuleInit(): void {
    this.audited.register(AUDITED_CONNECTIONS);
  }
}
