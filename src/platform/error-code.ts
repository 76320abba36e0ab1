/** A stable code in a field of a response that is not an HTTP problem by itself. */
export interface ErrorCode {
  readonly code: string;
  /** What happened, in general; also the title of the code's page. */
  readonly detail: string;
  /** What to do about it. */
  readonly remedy: string;
}

export interface ListedErrorCode {
  readonly code: string;
  /** The field that holds the code. */
  readonly appearsIn: string;
  readonly title: string;
  readonly remedy: string;
}

const errorCodes = new Map<string, ListedErrorCode>();

/**
 * Defines a code at module level, next to the code that writes it: the only place that states its texts. The problem pages list what was
 * defined.
 *
 * @throws Error if the code is taken
 */
export function defineErrorCode<const T extends ErrorCode>(appearsIn: string, definition: T): T {
  const { code, detail, remedy } = definition;
  if (errorCodes.has(code)) throw new Error(`error code ${code} is defined twice`);
  errorCodes.set(code, { code, appearsIn, title: detail, remedy });
  return definition;
}

/** Every code that the loaded modules define, by code. */
export function listErrorCodes(): ListedErrorCode[] {
  return [...errorCodes.values()].sort((a, b) => a.code.localeCompare(b.code));
}
