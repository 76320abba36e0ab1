import type { Random } from '../../platform/random.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { isChecksummedToken, newChecksummedToken } from './checksummed-token.ts';

const PREFIX = 'mtv';
/** What `BOOTSTRAP_ADMIN_KEY` may be (CONTRACT 3), as the configuration checks it. */
const OPERATORS_KEY = /^[\x21-\x7e]{32,512}$/;

/** A fresh API key: `mtv_` + 49 base62 characters. */
export function newApiKey(random: Random): SecretString {
  return newChecksummedToken(PREFIX, random);
}

/**
 * Whether a bearer key can be one of ours at all, told without the database. A key in our own form must bear its checksum;
 * anything else can only be a bootstrap key, which has the form that the operator gave it. It is not compared with this
 * replica's own setting, because another replica may have been started with a newer one.
 */
export function mayBeApiKey(value: string): boolean {
  if (value.startsWith(`${PREFIX}_`) && value.length === PREFIX.length + 50) return isChecksummedToken(PREFIX, value);
  return OPERATORS_KEY.test(value);
}
