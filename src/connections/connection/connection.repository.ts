import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import { type EntityManager, In } from 'typeorm';
import { Database } from '../../database/database.ts';
import { defineStatement } from '../../database/statement.ts';
import { isId } from '../../platform/ids.ts';
import { type Page, toPage } from '../../platform/paging.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';
import { AssetEntity, ConnectionEntity, CredentialEntity } from './connection.entity.ts';
import { type ConnectionResponse, toConnectionResponse } from './connection-response.dto.ts';

export interface ConnectionFilter {
  tenant?: string;
  product?: string;
  status?: ConnectionStatus;
  /** From the client's policy. Null: all tenants. */
  visibleTenants: readonly string[] | null;
  visibleProducts: readonly string[] | null;
  limit: number;
  /** The last id of the previous page. */
  after: string | null;
}

/** What a tenant's earlier logins for a product left. */
export interface EarlierLogins {
  /** There was at least one, whatever its outcome. */
  exist: boolean;
  /** A live connection lacks scopes its user declined. */
  haveDeclinedScopes: boolean;
}

interface EarlierLoginsRow {
  exist: boolean;
  declined: boolean;
}

const selectEarlier = defineStatement<{ tenant: string; product: string }, EarlierLoginsRow>(
  'connection_earlier_logins',
  ({ tenant, product }) => sql`SELECT
    EXISTS (SELECT 1 FROM connection WHERE tenant = ${tenant} AND product = ${product}) AS exist,
    EXISTS (SELECT 1 FROM connection WHERE tenant = ${tenant} AND product = ${product} AND status <> 'revoked'
      AND declined_scopes <> '{}') AS declined`,
);

/** Reads connections for the API and CLI. Hot paths have their own statements. */
@Injectable()
export class ConnectionRepository {
  constructor(private readonly database: Database) {}

  /** Finds a connection of any tenant. The caller must check the client's policy. */
  async findAcrossTenants(id: string): Promise<ConnectionResponse | null> {
    if (!isId(id, 'con')) return null;
    const connection = await this.database.read((manager) => manager.findOneBy(ConnectionEntity, { id }));
    if (connection === null) return null;
    const [response] = await this.withCredentialsAndAssets([connection]);
    return response ?? null;
  }

  /** Meta's dialog skips questions it has asked before unless told to repeat them. */
  async findEarlierLogins(tenant: string, product: string): Promise<EarlierLogins> {
    const [row] = await this.database.rows(selectEarlier({ tenant, product }));
    return { exist: row?.exist === true, haveDeclinedScopes: row?.declined === true };
  }

  /** One page, oldest first. */
  async list(filter: ConnectionFilter): Promise<Page<ConnectionResponse>> {
    const rows = await this.database.read((manager) => findPage(manager, filter));
    const responses = await this.withCredentialsAndAssets(rows);
    return toPage(responses, filter.limit, (response) => response);
  }

  private async withCredentialsAndAssets(connections: ConnectionEntity[]): Promise<ConnectionResponse[]> {
    const connectionId = In(connections.map((connection) => connection.id));
    const [credentials, assets] = await Promise.all([
      this.database.read((manager) =>
        manager.find(CredentialEntity, { where: { connectionId }, order: { isRoot: 'DESC', id: 'ASC' } }),
      ),
      this.database.read((manager) =>
        manager.find(AssetEntity, { where: { connectionId }, order: { type: 'ASC', id: 'ASC' } }),
      ),
    ]);
    return connections.map((connection) =>
      toConnectionResponse(
        connection,
        credentials.filter((credential) => credential.connectionId === connection.id),
        assets.filter((asset) => asset.connectionId === connection.id),
      ),
    );
  }
}

function findPage(manager: EntityManager, filter: ConnectionFilter): Promise<ConnectionEntity[]> {
  const query = manager.createQueryBuilder(ConnectionEntity, 'c');
  if (filter.tenant !== undefined) query.andWhere('c.tenant = :tenant', { tenant: filter.tenant });
  if (filter.product !== undefined) query.andWhere('c.product = :product', { product: filter.product });
  if (filter.status !== undefined) query.andWhere('c.status = :status', { status: filter.status });
  if (filter.visibleTenants !== null) query.andWhere('c.tenant = ANY (:tenants)', { tenants: filter.visibleTenants });
  if (filter.visibleProducts !== null)
    query.andWhere('c.product = ANY (:products)', { products: filter.visibleProducts });
  if (filter.after !== null) query.andWhere('c.id > :after', { after: filter.after });
  return query
    .orderBy('c.id')
    .limit(filter.limit + 1)
    .getMany();
}
