import { Module } from '@nestjs/common';
import { ConnectionDoubts } from './connection-doubts.ts';
import { ConnectionReader } from './connection-reader.ts';
import { ConnectionVerdicts } from './connection-verdicts.ts';
import { CredentialCensus } from './credential-census.ts';
import { CredentialClaims } from './credential-claims.ts';
import { CredentialOutcomes } from './credential-outcomes.ts';
import { CredentialVersions } from './credential-versions.ts';
import { CredentialWriter } from './credential-writer.ts';
import { DoubtedAssets } from './doubted-assets.ts';
import { EraseConnection } from './erase-connection.ts';
import { EstablishConnection } from './establish-connection.ts';
import { PhoneRegistrations } from './phone-registrations.ts';
import { ProviderRevocations } from './provider-revocations.ts';
import { RevokeConnection } from './revoke-connection.ts';
import { TokenIntakes } from './token-intakes.ts';

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
