import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Product } from '../../config/config.ts';
import type { AssetType, CredentialKind, Health } from '../credentials/credential-kind.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import type { ConnectionStatus, ProviderRevocationStatus } from '../status/connection-status.ts';
import type { CredentialFailure, StatusReason } from '../status/status-reason.ts';
import type { AssetDetails } from './asset-details.ts';

@Entity('connection')
export class ConnectionEntity {
  @PrimaryColumn('text') id!: ConnectionId;
  @Column('text') tenant!: string;
  @Column('text') product!: Product;
  @Column('text') flow!: string;
  @Column('text') status!: ConnectionStatus;
  @Column('json', { name: 'status_reason', nullable: true }) statusReason!: StatusReason | null;
  @Column('text', { name: 'app_id' }) appId!: string;
  @Column('text', { name: 'meta_user_id' }) metaUserId!: string;
  @Column('text', { name: 'app_scoped_user_id', nullable: true }) appScopedUserId!: string | null;
  @Column('text', { array: true }) scopes!: string[];
  @Column('text', { name: 'declined_scopes', array: true }) declinedScopes!: string[];
  @Column('timestamptz', { name: 'data_access_expires_at', nullable: true }) dataAccessExpiresAt!: Date | null;
  @Column('text', { name: 'graph_api_version' }) graphApiVersion!: string;
  @Column('text', { name: 'provider_revocation', nullable: true }) providerRevocation!: ProviderRevocationStatus | null;
  @Column('timestamptz', { name: 'authorized_at' }) authorizedAt!: Date;
  @Column('timestamptz', { name: 'created_at' }) createdAt!: Date;
  @Column('timestamptz', { name: 'updated_at' }) updatedAt!: Date;
  @Column('timestamptz', { name: 'revoked_at', nullable: true }) revokedAt!: Date | null;
}

/** Lacks the sealed token, so it is safe to list and format. */
@Entity('credential')
export class CredentialEntity {
  @PrimaryColumn('text') id!: CredentialId;
  @Column('text', { name: 'connection_id' }) connectionId!: ConnectionId;
  @Column('text') kind!: CredentialKind;
  @Column('boolean', { name: 'is_root' }) isRoot!: boolean;
  @Column('text', { name: 'subject_id' }) subjectId!: string;
  @Column('text', { name: 'subject_name', nullable: true }) subjectName!: string | null;
  @Column('integer') version!: number;
  @Column('text', { array: true }) scopes!: string[];
  @Column('timestamptz', { name: 'issued_at', nullable: true }) issuedAt!: Date | null;
  @Column('timestamptz', { name: 'expires_at', nullable: true }) expiresAt!: Date | null;
  @Column('timestamptz', { name: 'refresh_after', nullable: true }) refreshAfter!: Date | null;
  @Column('timestamptz', { name: 'last_refreshed_at', nullable: true }) lastRefreshedAt!: Date | null;
  @Column('timestamptz', { name: 'last_checked_at', nullable: true }) lastCheckedAt!: Date | null;
  @Column('text') health!: Health;
  @Column('json', { nullable: true }) failure!: CredentialFailure | null;
}

@Entity('asset')
export class AssetEntity {
  @PrimaryColumn('text', { name: 'connection_id' }) connectionId!: ConnectionId;
  @PrimaryColumn('text') type!: AssetType;
  @PrimaryColumn('text') id!: string;
  @Column('text', { nullable: true }) name!: string | null;
  @Column('text', { name: 'credential_id', nullable: true }) credentialId!: CredentialId | null;
  @Column('text', { name: 'parent_id', nullable: true }) parentId!: string | null;
  @Column('jsonb', { nullable: true }) details!: AssetDetails | null;
}
