import type { Messages } from '../messages.ts';

export const SIGN_IN: Messages['signIn'] = {
  title: 'Iniciar sesión en Metavault',
  expired: 'Tu sesión ha terminado',
  expiredDetail: 'Inicia sesión de nuevo para continuar. Lo que escribiste en la página sigue ahí.',
  withOidc: 'Continuar con {name}',
  withOidcInTab: 'Continuar con {name} en otra pestaña',
  waitingForTab: 'Termina de iniciar sesión en la otra pestaña y vuelve aquí.',
  or: 'o',
  key: 'Clave de API',
  keyDescription: 'De un cliente con el rol admin, auditor o tenant_admin. Se envía una vez y no se guarda.',
  submit: 'Iniciar sesión',
  nothing: 'No hay ninguna forma de iniciar sesión activada',
  nothingRemedy: 'Consulta "The console" en la documentación de la configuración.',
  signedIn: 'Has iniciado sesión',
  signedInDetail: 'Cierra esta pestaña y continúa en la otra.',
  toOverview: 'Al resumen',
  errors: {
    heading: 'No se pudo iniciar sesión',
    other: 'Inténtalo de nuevo. Si continúa, comunica el código {code}.',
  },
};
