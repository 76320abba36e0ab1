import type { Messages } from '../messages.ts';

export const SETTINGS: Messages['settings'] = {
  title: 'Configurações',
  description:
    'Pelo que esta réplica se guia. Segredos aparecem como impressões digitais, iguais para segredos iguais.',
  warnings: 'A corrigir',
  versions: 'Versões',
  environment: 'Ambiente',
  graphVersion: 'Graph API',
  marketing: 'Fim da Marketing API',
  node: 'Node.js',
  over: 'Encerrada',
  noEnd: 'Sem fim conhecido',
  endsOn: 'Termina em {date}',
  name: 'Configuração',
  value: 'Valor',
  fingerprint: 'Impressão digital',
  unset: 'Não definido',
  groups: {
    listening: 'Escuta',
    meta: 'Meta',
    keys: 'Chaves',
    console: 'Console',
    database: 'Banco de dados',
    access: 'Acesso',
    pages: 'Páginas dos clientes',
    schedules: 'Agendamentos e retenção',
  },
};
