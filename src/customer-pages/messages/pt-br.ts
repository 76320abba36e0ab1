import type { Messages } from './messages.ts';

export const BRAZILIAN_PORTUGUESE: Messages = {
  confirm: {
    heading: 'Conectar {what} a {name}?',
    headingWithoutName: 'Conectar {what}?',
    request: '{name} pede que você conecte {what}. Você vai entrar no {site}, escolher o que conectar e compartilhar:',
    requestWithoutName:
      'Quem enviou este link pede que você conecte {what}. Você vai entrar no {site}, escolher o que conectar e compartilhar:',
    caution:
      'Continue somente se você sabe quem enviou este link e se pode compartilhar a conta. Você pode revogar o acesso a qualquer momento nas configurações do {site}.',
    continue: 'Continuar no {site}',
    unexpected: 'Se você não esperava este link, feche esta página. Nada foi compartilhado.',
  },
  products: {
    whatsapp: {
      title: 'WhatsApp',
      whatIsConnected: 'sua conta do WhatsApp Business',
      whatIsShared: [
        'as contas do WhatsApp Business que você escolher, com seus números de telefone e modelos de mensagem',
        'as mensagens que os clientes enviam para esses números',
        'permissão para enviar mensagens desses números',
      ],
    },
    instagram: {
      title: 'Instagram',
      whatIsConnected: 'sua conta do Instagram',
      whatIsShared: [
        'sua conta do Instagram, com as publicações, os comentários e as mensagens',
        'permissão para publicar, comentar e enviar mensagens por ela',
        'as estatísticas dela',
      ],
    },
    ads: {
      title: 'contas de anúncios',
      whatIsConnected: 'suas contas de anúncios',
      whatIsShared: [
        'suas contas de anúncios, com permissão para alterar campanhas, anúncios e orçamentos',
        'os resultados e o custo dos seus anúncios',
        'o nome da sua conta',
      ],
    },
    pages: {
      title: 'Páginas do Facebook',
      whatIsConnected: 'suas Páginas do Facebook',
      whatIsShared: [
        'as Páginas do Facebook que você escolher, com as publicações, os comentários e as mensagens',
        'permissão para publicar, comentar e enviar mensagens em nome dessas Páginas',
        'as informações delas e o nome da sua conta',
      ],
    },
    threads: {
      title: 'Threads',
      whatIsConnected: 'sua conta do Threads',
      whatIsShared: [
        'seu perfil do Threads, com as publicações e respostas',
        'permissão para publicar e responder por ele',
        'as estatísticas dele',
      ],
    },
  },
  signup: {
    title: 'Conectar o WhatsApp',
    welcome: 'Uma janela da Meta será aberta para você escolher ou criar sua conta do WhatsApp Business.',
    start: 'Continuar com o Facebook',
    useFullPage: 'Usar a página inteira',
    continueOnFullPage: 'Continuar na página inteira',
    leave: 'Sair',
    withoutScript: 'Sem JavaScript, você pode se cadastrar na página inteira da Meta.',
    moment: 'Um momento…',
    inWindow: 'Continue na janela da Meta.',
    left: 'O cadastro não foi concluído, então nada foi conectado. Se nenhuma janela da Meta abriu, permita pop-ups para esta página ou continue na página inteira.',
    lost: 'A Meta concluiu o cadastro, mas a janela não devolveu o resultado. Continue na página inteira e escolha a mesma conta: a Meta guardou o que você informou.',
    quiet:
      'Ainda aguardando a janela da Meta. Se ela estiver aberta, continue nela. Se ela sumiu ou travou, continue na página inteira.',
    blocked:
      'A parte da Meta nesta página não carregou e pode estar bloqueada. Continue na página inteira, que não precisa dela.',
    offline: 'Não foi possível acessar nosso servidor. Verifique sua conexão com a internet e tente de novo em breve.',
    failed: 'Algo deu errado. Comece de novo.',
    metaProblem: 'A Meta informou um problema{details}, então nada foi conectado.',
    metaCode: 'código',
    metaSession: 'sessão',
    tryAgain: 'Tentar de novo',
    startAgain: 'Começar de novo',
    sendAgain: 'Enviar de novo',
    loadAgain: 'Carregar de novo',
  },
  connected: {
    title: 'Conectado',
    summary: 'Você conectou {what}.',
    summaryFor: 'Você conectou {what} a {name}.',
    account: 'Conta',
    assets: {
      page: 'Página do Facebook',
      instagram_account: 'Conta do Instagram',
      whatsapp_business_account: 'Conta do WhatsApp Business',
      phone_number: 'Número de telefone',
      ad_account: 'Conta de anúncios',
    },
    more: 'e mais {count}',
    incomplete: 'A configuração não está completa.',
    shortcomings: {
      no_whatsapp_account:
        'A Meta não informou nenhuma conta do WhatsApp Business para este login. Faça o cadastro de novo e escolha ou crie uma.',
      nothing_found:
        'A conta que você usou não tem nada que possa ser conectado. Use uma conta que o administre, ou crie-o antes na Meta, e conecte de novo.',
      permission_missing:
        'Uma permissão não foi concedida, então algumas coisas não vão funcionar. Conecte de novo e deixe todas as permissões selecionadas.',
      phone_number_missing:
        'A conta do WhatsApp Business ainda não tem número de telefone. Adicione e verifique um no Gerenciador do WhatsApp e conecte de novo.',
      phone_number_unverified:
        'Um número de telefone ainda não foi verificado. Verifique-o no Gerenciador do WhatsApp por SMS ou ligação.',
      other: 'Falta mais um passo. A empresa que trouxe você aqui sabe qual é e avisará se ele for seu.',
    },
    registration:
      'Antes que {numbers} possa enviar e receber pela API de Nuvem do WhatsApp, falta um passo, se ainda não foi feito em outro lugar: o registro. A empresa que trouxe você aqui pode fazê-lo e precisa de um PIN de seis dígitos: o da confirmação em duas etapas do número, ou um novo se você não a usa.',
    registrationMore: '{numbers} e mais {count}',
    forDevelopers: 'Para essa empresa:',
    documentation: 'documentação',
    complete: 'Está tudo pronto.',
    close: 'Você pode fechar esta página.',
    closeAndReturn: 'Você pode fechar esta página e voltar para {name}.',
  },
  errors: {
    access_denied: {
      title: 'O login foi cancelado. Nada foi conectado.',
      remedy: 'Abra o link de novo e confirme na janela da Meta, ou feche esta página.',
    },
    app_unavailable: {
      title: 'No momento, a Meta não permite que esta conta use o aplicativo.',
      remedy:
        'Avise a empresa que trouxe você aqui: o aplicativo precisa estar ativo, ou esta conta ter uma função nele.',
    },
    session_expired: {
      title: 'Este link de conexão expirou ou já foi usado.',
      remedy: 'Volte ao lugar onde você recebeu o link e comece de novo para receber outro.',
    },
    state_mismatch: {
      title: 'Este não é o navegador que iniciou o login.',
      remedy: 'Abra o link de conexão de novo neste navegador, com cookies ativados, e conclua o login aqui.',
    },
    code_rejected: {
      title: 'A Meta recusou o código de autorização: ele já foi usado, expirou ou é de outro aplicativo.',
      remedy: 'Faça login de novo para receber um novo código. Os códigos funcionam uma vez e expiram rápido.',
    },
    meta_configuration: {
      title: 'A Meta recusou as configurações deste aplicativo.',
      remedy:
        'Avise a empresa que trouxe você aqui. Se o login deu certo, nós o guardamos por um dia e o concluímos automaticamente.',
    },
    meta_unavailable: {
      title: 'A Meta não está respondendo como deveria no momento.',
      remedy:
        'Se a Meta confirmou o login, nós o concluímos automaticamente. Caso contrário, faça login de novo em alguns minutos.',
    },
    wrong_account: {
      title: 'Esta não é a conta para a qual o link foi criado. Nada foi conectado.',
      remedy: 'Saia do Facebook, do Instagram ou do Threads, abra o link de novo e use a conta certa.',
    },
    account_locked: {
      title: 'A Meta bloqueou esta conta até que o dono a confirme.',
      remedy: 'Entre em facebook.com, siga as instruções e conecte de novo.',
    },
    business_unknown: {
      title:
        'A Meta não informa a qual empresa este login pertence, e este link é somente para uma empresa. Nada foi conectado.',
      remedy: 'Faça login com uma conta dessa empresa ou peça um novo link a quem o enviou.',
    },
    other: {
      title: 'Algo deu errado.',
      remedy: 'Tente de novo em alguns minutos. Se acontecer outra vez, avise a empresa que trouxe você aqui.',
    },
  },
  problem: {
    startAgain: 'Começar de novo',
    support: 'Código {code}, solicitação {request}',
  },
  deletion: {
    title: 'Exclusão de dados',
    unknown: 'Nenhuma solicitação tem este código',
    unknownRemedy: 'Confira o código de confirmação que o Facebook ou o Instagram mostrou.',
    inProgress: 'Seus dados estão sendo excluídos',
    inProgressRemedy: 'Isso leva alguns minutos. Volte mais tarde.',
    completed: 'Seus dados foram excluídos',
    completedDetails:
      'Desde {time}, este serviço não tem acesso à sua conta e não guarda mais seu nome nem o ID daquela solicitação.',
    connectedAgain:
      'Se você conectou a conta de novo depois da solicitação, essa nova conexão continua até que você a remova.',
    requested: 'Solicitado em {time}. Código de confirmação: {code}',
  },
};
