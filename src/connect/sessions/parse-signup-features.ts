import type { SignupFeatures } from '../../meta/dialog/embedded-signup.ts';
import { loginFlow } from '../../meta/dialog/login-flows.ts';
import { invalidInputError } from '../../platform/problem.ts';
import type { CreateSessionRequest } from './connect-session.dto.ts';

/** Returns a new session's Embedded Signup options. 400 if its flow is a different one. */
export function parseSignupFeatures({ flow, feature_type, features }: CreateSessionRequest): SignupFeatures {
  if (!loginFlow(flow).takesSignupFeatures) {
    for (const [name, value] of Object.entries({ feature_type, features }))
      if (value !== undefined) throw invalidInputError(name, 'goes with whatsapp and embedded_signup only');
  }
  return { featureType: feature_type ?? null, features: features ?? [] };
}
