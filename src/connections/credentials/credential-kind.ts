import type { TokenKind } from '../../config/products.ts';

/** A credential has the kind of its token. */
export type CredentialKind = TokenKind;

export type AssetType = 'page' | 'instagram_account' | 'whatsapp_business_account' | 'phone_number' | 'ad_account';

export type Health = 'healthy' | 'expiring' | 'invalid' | 'unknown';
