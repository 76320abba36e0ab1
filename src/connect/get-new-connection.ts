import type { ConnectionRepository } from '../connections/connection/connection.repository.ts';
import type { ConnectionResponse } from '../connections/connection/connection-response.dto.ts';

/** A connection that was made, or changed, by the request under way. @throws Error if it does not exist */
export async function getNewConnection(connections: ConnectionRepository, id: string): Promise<ConnectionResponse> {
  const connection = await connections.findAcrossTenants(id);
  if (connection === null) throw new Error('a connection vanished right after it was made');
  return connection;
}
