import type { Messages } from '../messages.ts';

export const KEYS: Messages['keys'] = {
  title: 'Chaves',
  description: 'Chaves de criptografia de chaves, que envolvem a chave de cada segredo',
  empty: 'Nenhuma chave',
  key: 'Chave',
  state: 'Estado',
  states: {
    active: 'Ativa',
    decrypt_only: 'Só abre',
    retired: 'Aposentada',
  },
  dataKeys: 'Segredos',
  made: 'Criada',
  retiredAt: 'Aposentada em',
  rotate: 'Rotacionar',
  rotateTitle: 'Criar uma nova chave ativa',
  rotatePreview:
    'Novos segredos são envolvidos pela nova chave. As antigas abrem o que envolvem até que um reenvolvimento o mova.',
  rotated: '{id} está ativa',
  rewrap: 'Reenvolver',
  rewrapDetail: 'Move todos os segredos para a chave ativa, para que as antigas possam ser aposentadas',
  startRewrap: 'Iniciar um reenvolvimento',
  rewrapStates: {
    idle: 'Nada a fazer',
    running: 'Em andamento',
    done: 'Concluído',
    incomplete: 'Incompleto',
  },
  progress: '{done} de {all}',
  unopenable: 'Não podem ser abertos: {count}',
  retire: 'Aposentar',
  stillInUse: 'Ainda envolve segredos: reenvolva primeiro',
  retireTitle: 'Aposentar esta chave',
  retirePreview: 'A chave é destruída. Backups com segredos sob ela não poderão mais ser abertos. Isto é definitivo.',
  retireWord: 'aposentar',
  retired: '{id} foi aposentada',
};
