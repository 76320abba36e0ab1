import type { Messages } from '../messages.ts';

export const TERMS: Messages['terms'] = {
  products: { whatsapp: 'WhatsApp', instagram: 'Instagram', ads: 'Anúncios', pages: 'Páginas', threads: 'Threads' },
  statuses: { active: 'Ativa', reauth_required: 'Requer login', revoked: 'Revogada' },
  healths: { healthy: 'Saudável', expiring: 'Expirando', invalid: 'Inválida', unknown: 'Desconhecida' },
  flows: {
    facebook_login: 'Login do Facebook',
    instagram_login: 'Login do Instagram',
    threads_login: 'Login do Threads',
    embedded_signup: 'Cadastro incorporado',
    import: 'Importação',
  },
  tokenKinds: {
    user: 'Usuário',
    page: 'Página',
    system_user: 'Usuário do sistema',
    instagram_user: 'Usuário do Instagram',
    threads_user: 'Usuário do Threads',
  },
  assetTypes: {
    page: 'Página',
    instagram_account: 'Conta do Instagram',
    whatsapp_business_account: 'Conta do WhatsApp Business',
    phone_number: 'Número de telefone',
    ad_account: 'Conta de anúncios',
  },
  revocations: {
    confirmed: 'Confirmada pela Meta',
    pending: 'Ainda não confirmada pela Meta',
    shared: 'A permissão da Meta também serve a outra conexão',
    not_supported: 'O cliente precisa remover o app na Meta',
  },
};
