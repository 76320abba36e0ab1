import { defineProblem } from '../../platform/problem.ts';

declare module '../../platform/problem.ts' {
  interface ProblemCodes {
    already_synchronized: true;
    not_coexistence: true;
    registration_not_allowed: true;
    synchronization_refused: true;
    synchronization_window_closed: true;
  }
}

export const registrationNotAllowed = defineProblem(
  'registration_not_allowed',
  409,
  'This number is registered by the WhatsApp Business app: registering it here would remove it from the app.',
  'Use it as is: it can already send and receive. To move it to the Cloud API alone, have its owner disconnect it in the app, then connect again without the app.',
);
export const notCoexistence = defineProblem(
  'not_coexistence',
  409,
  'This number is not used in the WhatsApp Business app, so there is nothing to synchronize.',
  'Only numbers whose registration status is coexistence have contacts and history in the app. If this should be one, connect again with the feature type whatsapp_business_app_onboarding.',
);
export const alreadySynchronized = defineProblem(
  'already_synchronized',
  409,
  'This was already requested. Meta provides it once per signup.',
  'Wait for the webhooks (smb_app_state_sync, history). To get it again, the owner must disconnect the number in the WhatsApp Business app and sign up again.',
);
export const synchronizationWindowClosed = defineProblem(
  'synchronization_window_closed',
  409,
  'Meta provides contacts and history only within 24 hours of the signup, which have passed.',
  'Have the owner disconnect the number in the WhatsApp Business app and sign up again, then synchronize within 24 hours.',
);
export const synchronizationRefused = defineProblem(
  'synchronization_refused',
  422,
  'Meta refused the synchronization request.',
  'Check that the number is still connected in the WhatsApp Business app and that the token may manage it, then try again.',
);
