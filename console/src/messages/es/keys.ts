import type { Messages } from '../messages.ts';

export const KEYS: Messages['keys'] = {
  title: 'Claves',
  description: 'Claves de cifrado de claves, que envuelven la clave de cada secreto',
  empty: 'Ninguna clave',
  key: 'Clave',
  state: 'Estado',
  states: {
    active: 'Activa',
    decrypt_only: 'Solo abre',
    retired: 'Retirada',
  },
  dataKeys: 'Secretos',
  made: 'Creada',
  retiredAt: 'Retirada el',
  rotate: 'Rotar',
  rotateTitle: 'Crear una clave activa nueva',
  rotatePreview:
    'La clave nueva envuelve los secretos nuevos. Las anteriores abren lo que envuelven hasta que un reenvolvimiento lo traslade.',
  rotated: '{id} está activa',
  rewrap: 'Reenvolver',
  rewrapDetail: 'Traslada todos los secretos a la clave activa, para poder retirar las anteriores',
  startRewrap: 'Iniciar un reenvolvimiento',
  rewrapStates: {
    idle: 'Nada que hacer',
    running: 'En curso',
    done: 'Terminado',
    incomplete: 'Incompleto',
  },
  progress: '{done} de {all}',
  unopenable: 'No se pueden abrir: {count}',
  retire: 'Retirar',
  stillInUse: 'Aún envuelve secretos: reenvuelva primero',
  retireTitle: 'Retirar esta clave',
  retirePreview:
    'La clave se destruye. Las copias de seguridad con secretos bajo ella ya no se podrán abrir. Esto es definitivo.',
  retireWord: 'retirar',
  retired: '{id} se retiró',
};
