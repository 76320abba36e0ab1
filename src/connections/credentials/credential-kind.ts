export type CredentialKind = 'user' | 'page' | 'system_user' | 'instagram_user' | 'threads_user';

export type AssetType = 'page' | 'instagram_account' | 'whatsapp_business_account' | 'phone_number' | 'ad_account';

export type Health = 'healthy' | 'expiring' | 'invalid' | 'unknown';
