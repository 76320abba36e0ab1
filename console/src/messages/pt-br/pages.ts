import type { Messages } from '../messages.ts';

export const PAGE_NAMES: Messages['pages'] = {
  overview: 'Visão geral',
  connections: 'Conexões',
  connection: 'Conexão',
  clients: 'Clientes',
  client: 'Cliente',
  subscriptions: 'Assinaturas',
  subscription: 'Assinatura',
  leases: 'Leases',
  audit: 'Registro de auditoria',
  keys: 'Chaves',
  apps: 'Apps',
  app: 'App',
  doctor: 'Diagnóstico',
  settings: 'Configurações',
  sessions: 'Sessões',
};
