import type { Messages } from '../messages.ts';

export const LEASES: Messages['leases'] = {
  title: 'Leases',
  description: 'Quién tiene acceso a qué',
  empty: 'Ningún lease',
  state: 'Estado',
  anyState: 'Cualquiera',
  states: {
    active: 'Activo',
    ended: 'Terminado',
    expired: 'Caducado',
  },
  client: 'Cliente',
  clientId: 'Id del cliente',
  connection: 'Conexión',
  connectionId: 'Id de la conexión',
  modes: {
    gateway: 'Gateway',
    token: 'Token',
  },
  issued: 'Emitido',
  ends: 'Termina',
  end: 'Terminar',
  endTitle: 'Terminar este lease',
  endPreview:
    'Las llamadas con él para {tenant} fallan de inmediato, en todas las réplicas. El cliente puede obtener otro.',
  ended: 'El lease ha terminado',
};
