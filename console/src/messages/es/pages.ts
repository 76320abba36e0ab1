import type { Messages } from '../messages.ts';

export const PAGE_NAMES: Messages['pages'] = {
  overview: 'Resumen',
  connections: 'Conexiones',
  connection: 'Conexión',
  clients: 'Clientes',
  client: 'Cliente',
  subscriptions: 'Suscripciones',
  subscription: 'Suscripción',
  leases: 'Leases',
  audit: 'Registro de auditoría',
  keys: 'Claves',
  apps: 'Apps',
  app: 'App',
  doctor: 'Diagnóstico',
  settings: 'Ajustes',
  sessions: 'Sesiones',
};
