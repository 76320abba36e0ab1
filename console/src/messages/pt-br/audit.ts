import type { Messages } from '../messages.ts';

export const AUDIT: Messages['audit'] = {
  title: 'Registro de auditoria',
  description: 'Cada lease e cada alteração, os mais recentes primeiro',
  filters: {
    action: 'Ação',
    client_id: 'Id do cliente',
    connection_id: 'Id da conexão',
    from: 'De',
    to: 'Até',
  },
  follow: 'Acompanhar',
  export: 'Exportar',
  exporting: 'Exportadas: {count}',
  record: 'O registro está íntegro?',
  recordDetail: 'Suas entradas formam uma cadeia, que mostra o que foi alterado ou removido.',
  verify: 'Verificar',
  verifying: 'Todas as entradas são lidas: {seconds} s até agora',
  valid: 'Íntegro: {count} entradas',
  invalid: 'Não íntegro: {count} entradas',
  fault: 'em {from} a {to}',
  anchor: 'Âncora',
  anchorDetail: 'Uma que foi guardada em outro lugar mostra também se todo o banco de dados voltou atrás.',
  takeAnchor: 'Obter uma âncora',
  anchorVerdict: 'A âncora: {verdict}',
};
