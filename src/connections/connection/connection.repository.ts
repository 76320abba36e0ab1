import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import { In } from 'typeorm';
import { Database } from '../../database/database.ts';
import { defineStatement, type SqlReader } from '../../database/statement.ts';
import { isId } from '../../platform/ids.ts';
import { type Page, toPage } from '../../platform/paging.ts';
import type { ConnectionId } from '../ids.ts';
import { findAppFailures } from './app-failure.query.ts';
import { ConnectionEntity } from './connection.entity.ts';
import { type ConnectionFilter, connectionPage } from './connection-page.query.ts';
import {
  type ConnectionFailure,
  countParts,
  listFailures,
  listFirstAssets,
  listFirstCredentials,
} from './connection-parts.query.ts';
import { type ConnectionResponse, toConnectionResponse } from './connection-response.dto.ts';

/** How many credentials, and how many assets, a connection embeds (docs/api.md#connections). */
const MAX_EMBEDDED = 100;
const MAX_EMBEDDED_IN_LISTS = 10;

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
    const [response] = await this.withCredentialsAndAssets(this.database, [connection], MAX_EMBEDDED);
    return response ?? null;
  }

  /** Meta's dialog skips questions it has asked before unless told to repeat them. */
  async findEarlierLogins(tenant: string, product: string): Promise<EarlierLogins> {
    const [row] = await this.database.rows(selectEarlier({ tenant, product }));
    return { exist: row?.exist === true, haveDeclinedScopes: row?.declined === true };
  }

  /** One page, oldest first. */
  async list(filter: ConnectionFilter): Promise<Page<ConnectionResponse>> {
    const { reads } = this.database;
    const found = await reads.rows(connectionPage(this.database.dataSource.manager, filter));
    const ids = found.map(({ id }) => id);
    const rows = await this.database.read((manager) =>
      manager.find(ConnectionEntity, { where: { id: In(ids) }, order: { id: 'ASC' } }),
    );
    const responses = await this.withCredentialsAndAssets(reads, rows, MAX_EMBEDDED_IN_LISTS);
    return toPage(responses, filter.limit, (response) => response);
  }

  /** The failures of all their credentials, including those that a response leaves out. */
  async findFailures(ids: readonly ConnectionId[]): Promise<ConnectionFailure[]> {
    return listFailures(this.database, ids);
  }

  private async withCredentialsAndAssets(
    reader: SqlReader,
    connections: ConnectionEntity[],
    limit: number,
  ): Promise<ConnectionResponse[]> {
    const ids = connections.map((connection) => connection.id);
    if (ids.length === 0) return [];
    const [credentials, assets, counts, appFailures] = await Promise.all([
      listFirstCredentials(reader, ids, limit),
      listFirstAssets(reader, ids, limit),
      countParts(reader, ids),
      findAppFailures(
        reader,
        connections.map(({ appId }) => appId),
      ),
    ]);
    const countsById = new Map(counts.map((each) => [each.id, each]));
    return connections.map((connection) => {
      const count = countsById.get(connection.id);
      return toConnectionResponse(connection, {
        credentials: credentials.filter((credential) => credential.connection_id === connection.id),
        credentialsCount: count?.credentials ?? 0,
        assets: assets.filter((asset) => asset.connection_id === connection.id),
        assetsCount: count?.assets ?? 0,
        appFailure: connection.status === 'active' ? (appFailures.get(connection.appId) ?? null) : null,
      });
    });
  }
}
