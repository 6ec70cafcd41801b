// The one question of the command line: writes on a production connection are confirmed by the database's name.
import { createInterface } from 'node:readline/promises';
import type { Connection } from '../engine/connect';
import { ExitCode, UserError } from '../protocol/errors';
import type { Output } from './output';
import type { GlobalOptions } from './session';

/**
 * Asks on a terminal unless `--yes` has answered already; nothing is asked where the connection is no production.
 * @param what is about to happen, in words: `Roll back`.
 * @throws UserError, with exit code 2, when the answer is another one or there is nobody to ask.
 */
export async function confirmProduction(
  output: Output,
  globals: GlobalOptions,
  { target, label }: Connection,
  what: string,
  /** What has to be typed. */
  word = target.database,
): Promise<void> {
  if (!target.production || globals.yes) return;
  if (!process.stdin.isTTY || output.json) {
    throw new UserError(
      `${label} is a production connection. Confirm with --yes when there is no terminal to ask.`,
      { exitCode: ExitCode.usage },
    );
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await lines.question(`${what} on PRODUCTION ${label}. Type ${word} to go on: `);
  lines.close();
  if (answer.trim() !== word) {
    throw new UserError(`Nothing was run: that was not ${word}.`, { exitCode: ExitCode.usage });
  }
}
