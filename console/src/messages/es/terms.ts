import type { Messages } from '../messages.ts';

export const TERMS: Messages['terms'] = {
  products: { whatsapp: 'WhatsApp', instagram: 'Instagram', ads: 'Anuncios', pages: 'Páginas', threads: 'Threads' },
  statuses: { active: 'Activa', reauth_required: 'Requiere inicio de sesión', revoked: 'Revocada' },
  healths: { healthy: 'Correcta', expiring: 'Por caducar', invalid: 'No válida', unknown: 'Desconocida' },
  flows: {
    facebook_login: 'Inicio de sesión con Facebook',
    instagram_login: 'Inicio de sesión con Instagram',
    threads_login: 'Inicio de sesión con Threads',
    embedded_signup: 'Registro insertado',
    import: 'Importación',
  },
  tokenKinds: {
    user: 'Usuario',
    page: 'Página',
    system_user: 'Usuario del sistema',
    instagram_user: 'Usuario de Instagram',
    threads_user: 'Usuario de Threads',
  },
  assetTypes: {
    page: 'Página',
    instagram_account: 'Cuenta de Instagram',
    whatsapp_business_account: 'Cuenta de WhatsApp Business',
    phone_number: 'Número de teléfono',
    ad_account: 'Cuenta publicitaria',
  },
  revocations: {
    confirmed: 'Confirmada por Meta',
    pending: 'Meta aún no la confirma',
    shared: 'El permiso de Meta también sirve a otra conexión',
    not_supported: 'El cliente debe quitar la app en Meta',
  },
};
