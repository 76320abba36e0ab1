/** The version of WhatsApp Embedded Signup that our page and `js_sdk` launch (docs/meta-facts.md#embedded-signup). */
export const EMBEDDED_SIGNUP = {
  version: 'v4',
  /** Meta's release date. */
  since: '2025-10-08',
  /** Meta's end date, if announced. v2 ended on 2026-10-15, v3 in the same month. */
  endsOn: null as string | null,
} as const;

/** Values of the dialog's `featureType` that a session may request. */
export const FEATURE_TYPES = ['whatsapp_business_app_onboarding'] as const;
export type FeatureType = (typeof FEATURE_TYPES)[number];

/** Coexistence: onboards a number that stays in use in the WhatsApp Business app (docs/meta-facts.md#coexistence). */
export const COEXISTENCE_FEATURE: FeatureType = 'whatsapp_business_app_onboarding';
/** Session event that ends such a signup. */
export const COEXISTENCE_FINISHED = 'FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING';

/** Session options that only Embedded Signup has. */
export interface SignupFeatures {
  featureType: FeatureType | null;
  /** Meta's names, such as `app_only_install`. */
  features: readonly string[];
}

/**
 * Builds `extras` for `FB.login` and the dialog. v4 expects them empty unless a feature is chosen: the login
 * configuration holds everything else (docs/meta-facts.md#embedded-signup).
 */
export function buildSignupExtras({
  featureType = null,
  features = [],
}: Partial<SignupFeatures>): Readonly<Record<string, unknown>> {
  return {
    ...(featureType === null ? {} : { featureType }),
    ...(features.length === 0 ? {} : { features: features.map((name) => ({ name })) }),
  };
}
