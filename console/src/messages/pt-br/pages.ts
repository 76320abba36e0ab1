import type { Messages } from '../messages.ts';

export const PAGE_NAMES: Messages['pages'] = {
  overview: 'Visão geral',
  connections: 'Conexões',
  connection: 'Conexão',
};
