import type { Messages } from '../messages.ts';

export const AUDIT_ENTRIES: Messages['auditEntries'] = {
  at: 'Cuándo',
  action: 'Acción',
  actor: 'Quién',
  details: 'Detalles',
  none: 'Ningún registro.',
  actors: {
    client: 'Cliente',
    browser: 'Navegador',
    person: 'Persona',
    meta: 'Meta',
    operator: 'Operador',
    system: 'Metavault',
  },
};
