import type { Messages } from './messages.ts';

export const SPANISH: Messages = {
  confirm: {
    heading: '¿Conectar {what} con {name}?',
    headingWithoutName: '¿Conectar {what}?',
    request: '{name} te pide que conectes {what}. Iniciarás sesión en {site}, elegirás qué conectar y compartirás:',
    requestWithoutName:
      'Quien envió este enlace te pide que conectes {what}. Iniciarás sesión en {site}, elegirás qué conectar y compartirás:',
    caution:
      'Continúa solo si sabes quién te envió este enlace y si puedes compartir la cuenta. Puedes revocar el acceso en cualquier momento en la configuración de {site}.',
    continue: 'Continuar a {site}',
    unexpected: 'Si no esperabas este enlace, cierra esta página. No se ha compartido nada.',
  },
  products: {
    whatsapp: {
      title: 'WhatsApp',
      whatIsConnected: 'tu cuenta de WhatsApp Business',
      whatIsShared: [
        'las cuentas de WhatsApp Business que elijas, con sus números de teléfono y plantillas de mensajes',
        'los mensajes que los clientes envían a esos números',
        'permiso para enviar mensajes desde esos números',
      ],
    },
    instagram: {
      title: 'Instagram',
      whatIsConnected: 'tu cuenta de Instagram',
      whatIsShared: [
        'tu cuenta de Instagram, con sus publicaciones, comentarios y mensajes',
        'permiso para publicar, comentar y enviar mensajes desde ella',
        'sus estadísticas',
      ],
    },
    ads: {
      title: 'cuentas publicitarias',
      whatIsConnected: 'tus cuentas publicitarias',
      whatIsShared: [
        'tus cuentas publicitarias, con permiso para cambiar sus campañas, anuncios y presupuestos',
        'los resultados y el costo de tus anuncios',
        'el nombre de tu cuenta',
      ],
    },
    pages: {
      title: 'páginas de Facebook',
      whatIsConnected: 'tus páginas de Facebook',
      whatIsShared: [
        'las páginas de Facebook que elijas, con sus publicaciones, comentarios y mensajes',
        'permiso para publicar, comentar y enviar mensajes como esas páginas',
        'sus estadísticas y el nombre de tu cuenta',
      ],
    },
    threads: {
      title: 'Threads',
      whatIsConnected: 'tu cuenta de Threads',
      whatIsShared: [
        'tu perfil de Threads, con sus publicaciones y respuestas',
        'permiso para publicar y responder desde él',
        'sus estadísticas',
      ],
    },
  },
  signup: {
    title: 'Conectar WhatsApp',
    welcome: 'Se abrirá una ventana de Meta donde eliges o creas tu cuenta de WhatsApp Business.',
    start: 'Continuar con Facebook',
    useFullPage: 'Usar la página completa',
    continueOnFullPage: 'Continuar en la página completa',
    leave: 'Salir',
    withoutScript: 'Sin JavaScript puedes registrarte en la página completa de Meta.',
    moment: 'Un momento…',
    inWindow: 'Continúa en la ventana de Meta.',
    left: 'El registro no se completó, así que no se conectó nada. Si no se abrió ninguna ventana de Meta, permite las ventanas emergentes de esta página o continúa en la página completa.',
    lost: 'Meta completó el registro, pero su ventana no devolvió el resultado. Continúa en la página completa y elige la misma cuenta: Meta conservó lo que escribiste.',
    quiet:
      'Seguimos esperando la ventana de Meta. Si está abierta, continúa en ella. Si desapareció o no responde, continúa en la página completa.',
    blocked:
      'La parte de Meta de esta página no se cargó y puede estar bloqueada. Continúa en la página completa, que no la necesita.',
    offline: 'No pudimos conectar con nuestro servidor. Comprueba tu conexión a internet e inténtalo de nuevo pronto.',
    failed: 'Algo salió mal. Empieza de nuevo.',
    metaProblem: 'Meta informó de un problema{details}, así que no se conectó nada.',
    metaCode: 'código',
    metaSession: 'sesión',
    tryAgain: 'Intentar de nuevo',
    startAgain: 'Empezar de nuevo',
    sendAgain: 'Enviar de nuevo',
    loadAgain: 'Cargar de nuevo',
  },
  connected: {
    title: 'Conectado',
    summary: 'Has conectado {what}.',
    summaryFor: 'Has conectado {what} con {name}.',
    account: 'Cuenta',
    assets: {
      page: 'Página de Facebook',
      instagram_account: 'Cuenta de Instagram',
      whatsapp_business_account: 'Cuenta de WhatsApp Business',
      phone_number: 'Número de teléfono',
      ad_account: 'Cuenta publicitaria',
    },
    more: 'y {count} más',
    incomplete: 'La configuración no está completa.',
    shortcomings: {
      no_whatsapp_account:
        'Meta no indicó ninguna cuenta de WhatsApp Business para este inicio de sesión. Regístrate de nuevo y elige o crea una.',
      nothing_found:
        'La cuenta que usaste no tiene nada que se pueda conectar. Usa una cuenta que lo administre, o créalo antes en Meta, y conecta de nuevo.',
      permission_missing:
        'No se concedió un permiso, así que algunas cosas no funcionarán. Conecta de nuevo y deja seleccionados todos los permisos.',
      phone_number_missing:
        'La cuenta de WhatsApp Business aún no tiene un número de teléfono. Añade y verifica uno en el administrador de WhatsApp y conecta de nuevo.',
      phone_number_unverified:
        'Un número de teléfono aún no está verificado. Verifícalo en el administrador de WhatsApp por SMS o llamada.',
      other: 'Falta un paso más. La empresa que te trajo aquí sabe cuál es y te avisará si te corresponde.',
    },
    registration:
      'Antes de que {numbers} pueda enviar y recibir por la API de la nube de WhatsApp falta un paso, si no se hizo ya en otro lugar: el registro. La empresa que te trajo aquí puede hacerlo y necesita de ti un PIN de seis dígitos: el de la verificación en dos pasos del número, o uno nuevo si no la usas.',
    registrationMore: '{numbers} y {count} más',
    forDevelopers: 'Para esa empresa:',
    documentation: 'documentación',
    complete: 'Todo está listo.',
    close: 'Puedes cerrar esta página.',
    closeAndReturn: 'Puedes cerrar esta página y volver a {name}.',
  },
  errors: {
    access_denied: {
      title: 'Se canceló el inicio de sesión. No se conectó nada.',
      remedy: 'Abre el enlace de nuevo y confirma en la ventana de Meta, o cierra esta página.',
    },
    app_unavailable: {
      title: 'Por ahora, Meta no permite que esta cuenta use la aplicación.',
      remedy:
        'Avisa a la empresa que te trajo aquí: la aplicación debe estar activa, o esta cuenta tener un rol en ella.',
    },
    session_expired: {
      title: 'Este enlace de conexión caducó o ya se usó.',
      remedy: 'Vuelve a donde recibiste el enlace y empieza de nuevo para recibir otro.',
    },
    state_mismatch: {
      title: 'Este no es el navegador que empezó el inicio de sesión.',
      remedy: 'Abre el enlace de conexión de nuevo en este navegador, con las cookies activadas, y termina aquí.',
    },
    code_rejected: {
      title: 'Meta rechazó el código de autorización: ya se usó, caducó o es de otra aplicación.',
      remedy: 'Inicia sesión de nuevo para recibir otro código. Los códigos funcionan una vez y caducan pronto.',
    },
    meta_configuration: {
      title: 'Meta rechazó la configuración de esta aplicación.',
      remedy:
        'Avisa a la empresa que te trajo aquí. Si el inicio de sesión funcionó, lo guardamos un día y lo terminamos automáticamente.',
    },
    meta_unavailable: {
      title: 'Meta no responde bien en este momento.',
      remedy:
        'Si Meta confirmó el inicio de sesión, lo terminamos automáticamente. Si no, inicia sesión de nuevo en unos minutos.',
    },
    wrong_account: {
      title: 'Esta no es la cuenta para la que es el enlace. No se conectó nada.',
      remedy: 'Cierra sesión en Facebook, Instagram o Threads, abre el enlace de nuevo y usa la cuenta correcta.',
    },
    account_locked: {
      title: 'Meta bloqueó esta cuenta hasta que su dueño la confirme.',
      remedy: 'Inicia sesión en facebook.com, sigue las instrucciones y conecta de nuevo.',
    },
    business_unknown: {
      title:
        'Meta no indica a qué empresa pertenece este inicio de sesión, y este enlace es solo para una empresa. No se conectó nada.',
      remedy: 'Inicia sesión con una cuenta de esa empresa o pide otro enlace a quien lo envió.',
    },
    other: {
      title: 'Algo salió mal.',
      remedy: 'Inténtalo de nuevo en unos minutos. Si vuelve a ocurrir, avisa a la empresa que te trajo aquí.',
    },
  },
  problem: {
    startAgain: 'Empezar de nuevo',
    support: 'Código {code}, solicitud {request}',
  },
  deletion: {
    title: 'Eliminación de datos',
    unknown: 'Ninguna solicitud tiene este código',
    unknownRemedy: 'Revisa el código de confirmación que te mostró Facebook o Instagram.',
    inProgress: 'Tus datos se están eliminando',
    inProgressRemedy: 'Tarda unos minutos. Vuelve más tarde.',
    completed: 'Tus datos se eliminaron',
    completedDetails:
      'Desde {time}, este servicio no tiene acceso a tu cuenta y ya no guarda tu nombre ni el ID de esa solicitud.',
    connectedAgain:
      'Si conectaste la cuenta de nuevo después de la solicitud, esa nueva conexión sigue hasta que la quites.',
    requested: 'Solicitado el {time}. Código de confirmación: {code}',
  },
};
