export const TERMS = {
  products: {
    whatsapp: 'WhatsApp',
    instagram: 'Instagram',
    ads: 'Ads',
    pages: 'Pages',
    threads: 'Threads',
  },
  statuses: { active: 'Active', reauth_required: 'Login needed', revoked: 'Revoked' },
  healths: { healthy: 'Healthy', expiring: 'Expiring', invalid: 'Invalid', unknown: 'Unknown' },
  flows: {
    facebook_login: 'Facebook Login',
    instagram_login: 'Instagram Login',
    threads_login: 'Threads Login',
    embedded_signup: 'Embedded Signup',
    import: 'Import',
  },
  tokenKinds: {
    user: 'User',
    page: 'Page',
    system_user: 'System user',
    instagram_user: 'Instagram user',
    threads_user: 'Threads user',
  },
  assetTypes: {
    page: 'Page',
    instagram_account: 'Instagram account',
    whatsapp_business_account: 'WhatsApp Business account',
    phone_number: 'Phone number',
    ad_account: 'Ad account',
  },
  revocations: {
    confirmed: 'Confirmed by Meta',
    pending: 'Not yet confirmed by Meta',
    shared: 'Meta’s grant also serves another connection',
    not_supported: 'The customer has to remove the app at Meta',
  },
};
