import type { Messages } from '../messages.ts';

export const SESSIONS: Messages['sessions'] = {
  title: 'Sesiones',
  description: 'Todos los que han iniciado sesión en la consola',
  ownDescription: 'Sus sesiones en la consola',
  empty: 'Ninguna sesión',
  name: 'Persona',
  thisOne: 'esta',
  method: 'Inició sesión con',
  methods: {
    key: 'Clave de API',
    link: 'Enlace',
    oidc: 'Proveedor de identidad',
  },
  since: 'Desde',
  ends: 'Termina a más tardar',
  end: 'Terminar',
  endTitle: 'Terminar esta sesión',
  endPreview: '{name} queda fuera desde la próxima llamada.',
  ended: 'La sesión ha terminado',
};
