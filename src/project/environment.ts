// `${env:NAME}` in the strings of a config.
import { ExitCode, UserError } from '../protocol/errors';
import type { ConnectionTarget } from '../protocol/runner';

export type Environment = Readonly<Record<string, string | undefined>>;

const pattern = /\$\{env:([^}]*)\}/g;

/** Fills in every variable that is set; the others stay as they are (see `missingVariable`). */
export function substitute(text: string, environment: Environment): string {
  return text.replace(pattern, (whole, name: string) => environment[name.trim()] ?? whole);
}

/** The first variable in a text that was not filled in. */
export function missingVariable(text: string): string | undefined {
  return [...text.matchAll(pattern)][0]?.[1]?.trim();
}

/**
 * A connection is only held to its variables when it is used: whoever works on one needs not set those of all.
 * @throws UserError that names the missing variable.
 */
export function requireVariables(target: ConnectionTarget): ConnectionTarget {
  const missing = missingVariable(target.uri) ?? missingVariable(target.database);
  if (missing === undefined) return target;
  throw new UserError(
    `The connection "${target.name}" needs the environment variable ${missing}, which is not set.`,
    { action: { label: `Set ${missing}` }, exitCode: ExitCode.usage },
  );
}
