import type { Messages } from '../messages.ts';

export const DOCTOR: Messages['doctor'] = {
  title: 'Diagnóstico',
  examined: 'Verificado',
  again: 'Verificar de novo',
  examining: 'A Meta e nossos endereços são consultados; leva alguns segundos.',
  states: {
    ok: 'Em ordem',
    attention: 'Atenção',
    wrong: 'Errado',
  },
};
