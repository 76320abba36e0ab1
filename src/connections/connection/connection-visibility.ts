import { Injectable } from '@nestjs/common';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { isCoveredByPolicy } from '../../auth/policy/policy.ts';
import { AppError } from '../../platform/problem.ts';
import { ConnectionRepository } from './connection.repository.ts';
import { connectionNotFound, connectionRevoked } from './connection-problems.ts';
import type { ConnectionResponse } from './connection-response.dto.ts';
import { ConnectionViews } from './connection-views.ts';

/** Tenancy: every route that takes a connection's id must first load it through this class. */
@Injectable()
export class ConnectionVisibility {
  constructor(
    private readonly connections: ConnectionRepository,
    private readonly views: ConnectionViews,
  ) {}

  /** Throws 404 `connection_not_found`, also if the client's policy does not cover the connection. */
  async getVisible(client: AuthenticatedClient, id: string): Promise<ConnectionResponse> {
    const connection = await this.connections.findAcrossTenants(id);
    if (connection === null || !isCoveredByPolicy(client, connection.tenant, connection.product))
      throw new AppError(connectionNotFound);
    if (client.person !== undefined) await this.views.record(client, connection);
    return connection;
  }

  /** Also throws 409 `connection_revoked`. */
  async getVisibleUnrevoked(client: AuthenticatedClient, id: string): Promise<ConnectionResponse> {
    const connection = await this.getVisible(client, id);
    if (connection.status === 'revoked') throw new AppError(connectionRevoked);
    return connection;
  }
}
