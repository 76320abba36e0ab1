/** The version of WhatsApp Embedded Signup that our page and `js_sdk` launch (docs/meta-facts.md). */
export const EMBEDDED_SIGNUP = {
  version: 'v4',
  /** The day that Meta published it. */
  since: '2025-10-08',
  /** The day that it ends, where Meta has named one. v2 ended on 2026-10-15, v3 in the same month. */
  endsOn: null as string | null,
} as const;

/** What a session may ask of Embedded Signup besides the configuration: the dialog's `featureType`. */
export const FEATURE_TYPES = ['whatsapp_business_app_onboarding'] as const;
export type FeatureType = (typeof FEATURE_TYPES)[number];

/** Onboards a number of the WhatsApp Business app, which stays in use there (coexistence). */
export const COEXISTENCE_FEATURE: FeatureType = 'whatsapp_business_app_onboarding';
/** The event of the session message that ends such a signup. */
export const COEXISTENCE_FINISHED = 'FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING';

/** The choices of a session that only Embedded Signup has. */
export interface SignupFeatures {
  featureType: FeatureType | null;
  /** Names as Meta has them, such as `app_only_install`. */
  features: readonly string[];
}

/** `extras` of `FB.login` and of the dialog. In v4 they are empty on purpose, unless a feature was chosen: the configuration says the rest. */
export function buildSignupExtras({
  featureType = null,
  features = [],
}: Partial<SignupFeatures>): Readonly<Record<string, unknown>> {
  return {
    ...(featureType === null ? {} : { featureType }),
    ...(features.length === 0 ? {} : { features: features.map((name) => ({ name })) }),
  };
}
