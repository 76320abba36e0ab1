import type { AssetConnection } from '../connections/connection/subject-connections.query.ts';

type OwnedAsset = Pick<AssetConnection, 'connectionId' | 'type' | 'id' | 'parentId' | 'businessId' | 'authorizedAt'>;

/**
 * Drops connections of businesses that a WhatsApp Business Account has left: if several businesses connected an
 * account, only the one with the newest login has it and its numbers. Keeps connections of one business, and those
 * whose business is unknown.
 */
export function keepCurrentOwners<C extends OwnedAsset>(connections: readonly C[]): C[] {
  const owners = new Map<string, C>();
  for (const account of connections.filter(isOwnedAccount)) {
    const newest = owners.get(account.id);
    if (newest === undefined || account.authorizedAt > newest.authorizedAt) owners.set(account.id, account);
  }
  const former = new Set(
    connections
      .filter((account) => isOwnedAccount(account) && owners.get(account.id)?.businessId !== account.businessId)
      .map(({ connectionId, id }) => `${connectionId} ${id}`),
  );
  return connections.filter(
    ({ connectionId, id, parentId }) =>
      !former.has(`${connectionId} ${id}`) && !former.has(`${connectionId} ${parentId}`),
  );
}

function isOwnedAccount({ type, businessId }: OwnedAsset): boolean {
  return type === 'whatsapp_business_account' && businessId !== null;
}
