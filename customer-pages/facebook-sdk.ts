import type { SignupSetup } from '../src/customer-pages/page-setup.ts';

/** The part of Meta's JavaScript SDK that signups use (docs/meta-facts.md#embedded-signup). */
interface FacebookSdk {
  init(options: { appId: string; autoLogAppEvents: boolean; xfbml: boolean; version: string }): void;
  login(
    callback: (response: { authResponse?: { code?: string } | null } | undefined) => void,
    options: Record<string, unknown>,
  ): void;
}

declare global {
  interface Window {
    FB?: FacebookSdk;
    fbAsyncInit?: () => void;
  }
}

/** Loads the SDK from Meta and initializes it. Calls `onReady` once, `onBlocked` if it can't be loaded. */
export function loadSdk({ sdk, sdkUrl }: SignupSetup, onReady: () => void, onBlocked: () => void): void {
  window.fbAsyncInit = () => {
    window.FB?.init({ appId: sdk.app_id, autoLogAppEvents: true, xfbml: true, version: sdk.version });
    onReady();
  };
  const script = document.createElement('script');
  script.src = sdkUrl;
  script.async = true;
  script.addEventListener('error', onBlocked);
  document.head.append(script);
}

/** Opens Embedded Signup. The callback gets the code, or null if there is none. Throws if the SDK is unusable. */
export function openSignup({ sdk }: SignupSetup, callback: (code: string | null) => void): void {
  if (window.FB === undefined) throw new Error("Meta's SDK is not loaded");
  window.FB.login((response) => callback(response?.authResponse?.code ?? null), {
    config_id: sdk.config_id,
    auth_type: sdk.auth_type,
    response_type: sdk.response_type,
    override_default_response_type: sdk.override_default_response_type,
    extras: sdk.extras,
  });
}
