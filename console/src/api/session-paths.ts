/** What the session cookie stands for. */
export interface ConsoleSession {
  id: string;
  name: string;
  role: 'admin' | 'auditor' | 'service' | 'support';
  /** `["*"]`: all. */
  tenants: string[];
  method: 'key' | 'link' | 'oidc';
  signed_in_at: string;
  authenticated_at: string;
  expires_at: string;
  idle_expires_at: string;
}

export interface SignInMethods {
  key: boolean;
  link: boolean;
  oidc: { name: string } | null;
}

interface Operation<Result, Body = never> {
  parameters: Record<never, never>;
  requestBody?: [Body] extends [never] ? never : { content: { 'application/json': Body } };
  responses: { 200: { content: { 'application/json': Result } } };
}

/** The operations of a session, beside those of the API document. */
export interface SessionPaths {
  '/v1/console/sign-in': { get: Operation<{ methods: SignInMethods }> };
  '/v1/console/sessions': { post: Operation<ConsoleSession, { key: string } | { link: string }> };
  '/v1/console/sessions/current': {
    get: Operation<ConsoleSession>;
    delete: Operation<{ sign_out_url: string | null }>;
  };
}
