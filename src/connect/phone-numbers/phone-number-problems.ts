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
  'This number is in use in the WhatsApp Business app, which has registered it: registering it here would take it out of the app.',
  'Use it as it is: it can send and receive already. To move it to the Cloud API alone, have its owner disconnect it in the app first, then connect again without it.',
);
export const notCoexistence = defineProblem(
  'not_coexistence',
  409,
  'This number is not in use in the WhatsApp Business app, so there is nothing to synchronize.',
  'Only numbers whose registration has the status coexistence have contacts and history in the app. Where the number should be one, connect again with the feature type whatsapp_business_app_onboarding.',
);
export const alreadySynchronized = defineProblem(
  'already_synchronized',
  409,
  'This was requested of Meta before, which gives it once for each signup.',
  'Wait for the webhooks (smb_app_state_sync, history). To have it once more, the owner must disconnect the number in the WhatsApp Business app and sign up again.',
);
export const synchronizationWindowClosed = defineProblem(
  'synchronization_window_closed',
  409,
  'Meta gives contacts and history within 24 hours of the signup only, and those are over.',
  'Have the owner disconnect the number in the WhatsApp Business app and sign up again, then synchronize within a day.',
);
export const synchronizationRefused = defineProblem(
  'synchronization_refused',
  422,
  'Meta did not take the request to synchronize.',
  'Check that the number is still connected in the WhatsApp Business app and that the token may manage it, then request it again.',
);
