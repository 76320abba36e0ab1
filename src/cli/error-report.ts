import { describeStartupError, StartupError } from '../bootstrap/startup-error.ts';
import { ConfigError } from '../config/environment-reader.ts';
import { WrongRootKeyError } from '../vault/keys/key-ring.ts';
import { RootKeyUnavailableError } from '../vault/root-keys/root-key.ts';

/** What `--json` prints about a failure, as `{"error": …}` on one line of standard error. */
export interface ErrorReport {
  code: StartupError['code'];
  detail: string;
  remedy: string;
}

/** An error as a report. Unexpected errors are `internal_error`, with their stack in `detail`. */
export function toErrorReport(error: unknown): ErrorReport {
  if (error instanceof StartupError) return { code: error.code, detail: error.detail, remedy: error.remedy };
  const detail = describeStartupError(error);
  if (error instanceof ConfigError) {
    return { code: 'invalid_configuration', detail, remedy: 'Correct these variables, then run the command again.' };
  }
  if (error instanceof WrongRootKeyError) {
    return { code: 'wrong_root_key', detail, remedy: 'Set ROOT_KEY to the root key of this database.' };
  }
  if (error instanceof RootKeyUnavailableError) {
    return { code: 'root_key_unavailable', detail, remedy: 'Check the settings of the root key or KMS.' };
  }
  return { code: 'internal_error', detail, remedy: 'This is a bug: report it with this output.' };
}
