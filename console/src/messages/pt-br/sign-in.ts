import type { Messages } from '../messages.ts';

export const SIGN_IN: Messages['signIn'] = {
  title: 'Entrar no Metavault',
  expired: 'Sua sessão terminou',
  expiredDetail: 'Entre de novo para continuar. O que você digitou na página continua lá.',
  withOidc: 'Continuar com {name}',
  withOidcInTab: 'Continuar com {name} em outra aba',
  waitingForTab: 'Termine de entrar na outra aba e volte para cá.',
  or: 'ou',
  key: 'Chave de API',
  keyDescription: 'De um cliente com o papel admin, auditor ou tenant_admin. É enviada uma vez e não é guardada.',
  submit: 'Entrar',
  nothing: 'Nenhuma forma de entrar está ativada',
  nothingRemedy: 'Veja "The console" na documentação das configurações.',
  signedIn: 'Você entrou',
  signedInDetail: 'Feche esta aba e continue na outra.',
  toOverview: 'Para a visão geral',
  errors: {
    heading: 'Não foi possível entrar',
    other: 'Tente de novo. Se continuar, informe o código {code}.',
  },
};
