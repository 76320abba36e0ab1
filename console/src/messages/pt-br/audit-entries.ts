import type { Messages } from '../messages.ts';

export const AUDIT_ENTRIES: Messages['auditEntries'] = {
  at: 'Quando',
  action: 'Ação',
  actor: 'Quem',
  details: 'Detalhes',
  none: 'Nenhum registro.',
  actors: {
    client: 'Cliente',
    browser: 'Navegador',
    person: 'Pessoa',
    meta: 'Meta',
    operator: 'Operador',
    system: 'Metavault',
  },
};
