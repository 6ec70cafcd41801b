// Keeps user code from ending our process: `process.exit` throws while the guard stands.
import { UserError } from '../protocol/errors';
import { stackFrames } from './sourceMaps';

export interface ExitGuard {
  /** What to report when user code has called `process.exit`, also when it caught what that threw. */
  readonly called: UserError | undefined;
  /** Ends the guard; `process.exit` works again once every guard has ended. */
  release(): void;
}

interface Standing {
  what: string;
  file: string | undefined;
  error: UserError | undefined;
}
type Exit = (this: void, code?: number | string | null) => never;

const standing: Standing[] = [];
let realExit: Exit | undefined;

/**
 * Makes `process.exit` throw a UserError until the guard is released. Guards may overlap.
 * @param what who would be calling it, for the message: `migrations/001.js`.
 * @param file where to look for the call.
 */
export function guardProcessExit(what: string, file?: string): ExitGuard {
  const guard: Standing = { what, file, error: undefined };
  standing.push(guard);
  if (!realExit) {
    realExit = (process as { exit: Exit }).exit;
    process.exit = refuseExit;
  }
  return {
    get called() {
      return guard.error;
    },
    release() {
      const at = standing.indexOf(guard);
      if (at >= 0) standing.splice(at, 1);
      if (standing.length > 0 || !realExit) return;
      process.exit = realExit;
      realExit = undefined;
    },
  };
}

/** Ends the process also while a guard stands. */
export function exitNow(code: number): never {
  if (realExit) return realExit(code);
  return process.exit(code);
}

function refuseExit(code?: number | string | null): never {
  const { what, file } = standing.at(-1) ?? { what: 'Somebody' };
  const frame = stackFrames(new Error('where').stack ?? '').find((each) => each.file === file);
  const error = new UserError(`${what} called process.exit(${code ?? ''}).`, {
    action: { label: 'Throw an Error instead, or return' },
    location: frame ?? (file === undefined ? undefined : { file }),
  });
  for (const each of standing) each.error ??= error;
  throw error;
}
