import type { Messages } from '../messages.ts';

export const PAGE_NAMES: Messages['pages'] = {
  overview: 'Resumen',
  connections: 'Conexiones',
  connection: 'Conexión',
};
