import type { Messages } from '../messages.ts';

export const SESSIONS: Messages['sessions'] = {
  title: 'Sessões',
  description: 'Todos que estão conectados ao console',
  ownDescription: 'Suas sessões no console',
  empty: 'Nenhuma sessão',
  name: 'Pessoa',
  thisOne: 'esta',
  method: 'Entrou com',
  methods: {
    key: 'Chave de API',
    link: 'Link',
    oidc: 'Provedor de identidade',
  },
  since: 'Desde',
  ends: 'Termina no máximo',
  end: 'Encerrar',
  endTitle: 'Encerrar esta sessão',
  endPreview: '{name} sai a partir da próxima chamada.',
  ended: 'A sessão foi encerrada',
};
