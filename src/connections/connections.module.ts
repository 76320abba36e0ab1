import { Module } from '@nestjs/common';
import { PhoneRegistrationRepository } from './assets/phone-registration.repository.ts';
import { UnverifiedAssetRepository } from './assets/unverified-asset.repository.ts';
import { ConnectionProvisioner } from './authorization/connection-provisioner.ts';
import { PendingAuthorizationRepository } from './authorization/pending-authorization.repository.ts';
import { ConnectionRepository } from './connection/connection.repository.ts';
import { ConnectionStatusService } from './connection/connection-status.service.ts';
import { VerificationRequests } from './connection/verification-requests.ts';
import { CredentialStatistics } from './credentials/credential-census.ts';
import { CredentialClaimRepository } from './credentials/credential-claim.repository.ts';
import { CredentialOutcomeRepository } from './credentials/credential-outcome.repository.ts';
import { CredentialVersionRepository } from './credentials/credential-version.repository.ts';
import { CredentialWriter } from './credentials/credential-writer.ts';
import { ConnectionEraser } from './revocation/connection-eraser.ts';
import { ConnectionRevoker } from './revocation/connection-revoker.ts';
import { ProviderRevocationRepository } from './revocation/provider-revocation.repository.ts';

const PROVIDERS = [
  VerificationRequests,
  ConnectionRepository,
  ConnectionStatusService,
  CredentialStatistics,
  CredentialClaimRepository,
  CredentialOutcomeRepository,
  CredentialVersionRepository,
  CredentialWriter,
  UnverifiedAssetRepository,
  ConnectionEraser,
  ConnectionProvisioner,
  PhoneRegistrationRepository,
  ProviderRevocationRepository,
  ConnectionRevoker,
  PendingAuthorizationRepository,
];

@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class ConnectionsModule {}
