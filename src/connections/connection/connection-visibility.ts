import { Injectable } from '@nestjs/common';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { isCoveredByPolicy } from '../../auth/policy/policy.ts';
import { AppError } from '../../platform/problem.ts';
import { ConnectionRepository } from './connection.repository.ts';
import { connectionNotFound, connectionRevoked } from './connection-problems.ts';
import type { ConnectionResponse } from './connection-response.dto.ts';

/** Tenancy: every route that is given a connection's id reads the connection through here, before anything else. */
@Injectable()
export class ConnectionVisibility {
  constructor(private readonly connections: ConnectionRepository) {}

  /** 404 `connection_not_found` also where the client's policy does not cover it: then it does not exist for the client. */
  async getVisible(client: AuthenticatedClient, id: string): Promise<ConnectionResponse> {
    const connection = await this.connections.findAcrossTenants(id);
    if (connection === null || !isCoveredByPolicy(client, connection.tenant, connection.product))
      throw new AppError(connectionNotFound);
    return connection;
  }

  /** For work on a connection: besides, 409 `connection_revoked`. */
  async getVisibleUnrevoked(client: AuthenticatedClient, id: string): Promise<ConnectionResponse> {
    const connection = await this.getVisible(client, id);
    if (connection.status === 'revoked') throw new AppError(connectionRevoked);
    return connection;
  }
}
