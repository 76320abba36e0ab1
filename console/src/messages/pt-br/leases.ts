import type { Messages } from '../messages.ts';

export const LEASES: Messages['leases'] = {
  title: 'Leases',
  description: 'Quem tem acesso a quê',
  empty: 'Nenhum lease',
  state: 'Estado',
  anyState: 'Qualquer',
  states: {
    active: 'Ativo',
    ended: 'Encerrado',
    expired: 'Expirado',
  },
  client: 'Cliente',
  clientId: 'Id do cliente',
  connection: 'Conexão',
  connectionId: 'Id da conexão',
  modes: {
    gateway: 'Gateway',
    token: 'Token',
  },
  issued: 'Emitido',
  ends: 'Termina',
  end: 'Encerrar',
  endTitle: 'Encerrar este lease',
  endPreview:
    'As chamadas com ele para {tenant} falham imediatamente, em todas as réplicas. O cliente pode obter outro.',
  ended: 'O lease foi encerrado',
};
