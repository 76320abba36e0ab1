import type { Messages } from '../messages.ts';

export const DOCTOR: Messages['doctor'] = {
  title: 'Diagnóstico',
  examined: 'Comprobado',
  again: 'Comprobar otra vez',
  examining: 'Se consulta a Meta y nuestras direcciones; tarda unos segundos.',
  states: {
    ok: 'En orden',
    attention: 'Atención',
    wrong: 'Mal',
  },
};
