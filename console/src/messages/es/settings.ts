import type { Messages } from '../messages.ts';

export const SETTINGS: Messages['settings'] = {
  title: 'Ajustes',
  description: 'Por lo que se rige esta réplica. Los secretos se muestran como huellas, iguales para secretos iguales.',
  warnings: 'Por corregir',
  versions: 'Versiones',
  environment: 'Entorno',
  graphVersion: 'Graph API',
  marketing: 'Fin de la Marketing API',
  node: 'Node.js',
  over: 'Terminada',
  noEnd: 'Sin fin conocido',
  endsOn: 'Termina el {date}',
  name: 'Ajuste',
  value: 'Valor',
  fingerprint: 'Huella',
  unset: 'Sin definir',
  groups: {
    listening: 'Escucha',
    meta: 'Meta',
    keys: 'Claves',
    console: 'Consola',
    database: 'Base de datos',
    access: 'Acceso',
    pages: 'Páginas de los clientes',
    schedules: 'Programación y retención',
  },
};
