/** A stable code inside a successful response, as opposed to an HTTP problem. */
export interface ErrorCode {
  readonly code: string;
  /** What happened. Also the title of the code's page. */
  readonly detail: string;
  /** What to do. */
  readonly remedy: string;
}

export interface ListedErrorCode {
  readonly code: string;
  /** The field that carries the code. */
  readonly appearsIn: string;
  readonly title: string;
  readonly remedy: string;
}

const errorCodes = new Map<string, ListedErrorCode>();

/**
 * Defines a code at module level, next to its use. Problem pages list all defined codes.
 *
 * @throws Error if the code is taken
 */
export function defineErrorCode<const T extends ErrorCode>(appearsIn: string, definition: T): T {
  const { code, detail, remedy } = definition;
  if (errorCodes.has(code)) throw new Error(`error code ${code} is defined twice`);
  errorCodes.set(code, { code, appearsIn, title: detail, remedy });
  return definition;
}

/** Returns every code that the loaded modules define, sorted. */
export function listErrorCodes(): ListedErrorCode[] {
  return [...errorCodes.values()].sort((a, b) => a.code.localeCompare(b.code));
}
