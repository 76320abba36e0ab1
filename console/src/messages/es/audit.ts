import type { Messages } from '../messages.ts';

export const AUDIT: Messages['audit'] = {
  title: 'Registro de auditoría',
  description: 'Cada lease y cada cambio, los más recientes primero',
  filters: {
    action: 'Acción',
    client_id: 'Id del cliente',
    connection_id: 'Id de la conexión',
    from: 'Desde',
    to: 'Hasta',
  },
  follow: 'Seguir',
  export: 'Exportar',
  exporting: 'Exportadas: {count}',
  record: '¿Está íntegro el registro?',
  recordDetail: 'Sus entradas forman una cadena, que muestra lo que se cambió o quitó.',
  verify: 'Verificar',
  verifying: 'Se leen todas las entradas: {seconds} s hasta ahora',
  valid: 'Íntegro: {count} entradas',
  invalid: 'No íntegro: {count} entradas',
  fault: 'en {from} a {to}',
  anchor: 'Ancla',
  anchorDetail: 'Una que se guardó en otro lugar muestra también si toda la base de datos se retrasó.',
  takeAnchor: 'Obtener un ancla',
  anchorVerdict: 'El ancla: {verdict}',
};
