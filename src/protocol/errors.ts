// Errors as people and programs see them: what can be mended (UserError) and what is written down about any
// failure (ErrorInfo). Everything that is no UserError is a bug or a fault of a migration and is logged whole.

/** What a person can do about a problem; programs turn `command` into a button or a hint. */
export interface ErrorAction {
  /** A short verb phrase, e.g. "Retry" or "Edit the connection". */
  label: string;
  /** A command of the extension (`migratory.…`), where there is one. */
  command?: string;
  /** What the command gets. */
  args?: unknown[];
  /** What to type in a terminal, where there is such a thing. */
  cli?: string;
}

/** Exit codes of the command line, binding for every program that maps a failure to one. */
export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  pending: 3,
  locked: 4,
  checkFailed: 5,
  conflicts: 6,
  cancelled: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** A place in a file; line and column count from 1. */
export interface ErrorLocation {
  file: string;
  line?: number;
  column?: number;
}

/** A failure that a person can mend: one clear sentence and what to do. Shown once, without a stack trace. */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly action: ErrorAction | undefined;
  readonly exitCode: ExitCode;
  /** Where the mending has to be done, when that is a file. */
  readonly location: ErrorLocation | undefined;
  constructor(
    message: string,
    options: { action?: ErrorAction; exitCode?: ExitCode; cause?: unknown; location?: ErrorLocation } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.action = options.action;
    this.location = options.location;
    this.exitCode = options.exitCode ?? ExitCode.failed;
  }
}

/** Any failure in plain JSON: what run documents, events and the panel carry. Never holds a connection string. */
export interface ErrorInfo {
  message: string;
  /** Class name of the error, e.g. `MongoServerError`. */
  name?: string;
  /** Server or system code, e.g. 11000 or `ECONNREFUSED`. */
  code?: number | string;
  /** Where in the author's file it happened (source-mapped): path, line and column from 1. */
  file?: string;
  line?: number;
  column?: number;
  /** The document that could not be changed; `id` is its `_id` as canonical Extended JSON. */
  document?: { collection: string; id: unknown };
  stack?: string;
  cause?: ErrorInfo;
  action?: ErrorAction;
  /** True for what a person can mend (UserError): show the message alone. */
  user?: boolean;
}
