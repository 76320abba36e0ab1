import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Product } from '../../config/config.ts';
import type { Metadata } from '../description/description.ts';
import type { ConnectionId } from '../ids.ts';
import type { ConnectionStatus, ProviderRevocationStatus } from '../status/connection-status.ts';
import type { StatusReason } from '../status/status-reason.ts';

@Entity('connection')
export class ConnectionEntity {
  @PrimaryColumn('text') id!: ConnectionId;
  @Column('text') tenant!: string;
  @Column('text') product!: Product;
  @Column('text') flow!: string;
  @Column('text', { nullable: true }) reference!: string | null;
  @Column('json') metadata!: Metadata;
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
