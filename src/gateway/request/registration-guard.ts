import { Inject, Injectable } from '@nestjs/common';
import { selectCoexistenceNumbers } from '../../connections/assets/coexistence-number.query.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { Database } from '../../database/database.ts';
import { GatewayError } from '../gateway-error.ts';
import { type EffectiveCall, isRead } from './call-rules.ts';

/** `/{phone-number-id}/register` in any spelling. */
const REGISTER = /(^|[^a-z0-9_])register([^a-z0-9_]|$)/i;
/** An id as Meta writes it. */
const NUMBER_ID = /^[1-9]\d*$/;

/**
 * Keeps numbers used in the WhatsApp Business app from being registered, which removes them from it:
 * docs/meta-facts.md#coexistence
 */
@Injectable()
export class RegistrationGuard {
  constructor(@Inject(Database) private readonly database: Database) {}

  /**
   * Throws `registration_not_allowed`. Reads the database only if the call registers. Numbers unknown to the connection
   * pass.
   */
  async assertAllowed(connectionId: ConnectionId, call: EffectiveCall): Promise<void> {
    const ids = findRegisteredNumbers(call);
    if (ids === null) return;
    const rows = await this.database.failFast.rows(selectCoexistenceNumbers({ connectionId }));
    const isMeant = ({ id }: { id: string }): boolean => ids.includes(id) || !ids.every((each) => NUMBER_ID.test(each));
    if (rows.some(isMeant)) throw new GatewayError('registration_not_allowed');
  }
}

/**
 * Returns the numbers that a call registers, as written; null for any other call. An entry that is not a plain id, such
 * as a reference to another item's response, may be any number.
 */
export function findRegisteredNumbers({ methods, segments, ids }: EffectiveCall): string[] | null {
  if (isRead(methods)) return null;
  const named = ids.flatMap((value) => value.replaceAll(/[[\]"'\s]/g, '').split(','));
  if (!segments.some((segment) => REGISTER.test(segment)) && !named.some((id) => REGISTER.test(id))) return null;
  const paths = [segments.join('/'), ...named];
  return paths.map((path) => path.replace(/\/?register\/?$/i, '')).filter((id) => id !== '');
}
