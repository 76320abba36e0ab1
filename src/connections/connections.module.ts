import { Module } from '@nestjs/common';
import { ConnectionReader } from './connection-reader.ts';
import { CredentialWriter } from './credential-writer.ts';
import { EstablishConnection } from './establish-connection.ts';
import { RevokeConnection } from './revoke-connection.ts';
import { TokenIntakes } from './token-intakes.ts';

const PROVIDERS = [ConnectionReader, CredentialWriter, EstablishConnection, RevokeConnection, TokenIntakes];

@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class ConnectionsModule {}
