import type { TokenKind } from '../../config/products.ts';

/** A credential has the kind of its token. */
export type CredentialKind = TokenKind;

export const ASSET_TYPES = [
  'page',
  'instagram_account',
  'whatsapp_business_account',
  'phone_number',
  'ad_account',
] as const;
export type AssetType = (typeof ASSET_TYPES)[number];

export const HEALTHS = ['healthy', 'expiring', 'invalid', 'unknown'] as const;
export type Health = (typeof HEALTHS)[number];
