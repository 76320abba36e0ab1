import { Module } from '@nestjs/common';
import { PhoneRegistrations } from './assets/phone-registration.repository.ts';
import { DoubtedAssets } from './assets/unverified-asset.repository.ts';
import { EstablishConnection } from './authorization/connection-provisioner.ts';
import { TokenIntakes } from './authorization/pending-authorization.repository.ts';
import { ConnectionReader } from './connection/connection.repository.ts';
import { ConnectionVerdicts } from './connection/connection-status.service.ts';
import { ConnectionDoubts } from './connection/verification-requests.ts';
import { CredentialCensus } from './credentials/credential-census.ts';
import { CredentialClaims } from './credentials/credential-claim.repository.ts';
import { CredentialOutcomes } from './credentials/credential-outcome.repository.ts';
import { CredentialVersions } from './credentials/credential-version.repository.ts';
import { CredentialWriter } from './credentials/credential-writer.ts';
import { EraseConnection } from './revocation/connection-eraser.ts';
import { RevokeConnection } from './revocation/connection-revoker.ts';
import { ProviderRevocations } from './revocation/provider-revocation.repository.ts';

const PROVIDERS = [
  ConnectionDoubts,
  ConnectionReader,
  ConnectionVerdicts,
  CredentialCensus,
  CredentialClaims,
  CredentialOutcomes,
  CredentialVersions,
  CredentialWriter,
  DoubtedAssets,
  EraseConnection,
  EstablishConnection,
  PhoneRegistrations,
  ProviderRevocations,
  RevokeConnection,
  TokenIntakes,
];

@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class ConnectionsModule {}
