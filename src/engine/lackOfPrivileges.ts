// What a user lacks, told like a failed check where the checks of a migration come too late: a run cannot be recorded,
// or a dry run has nowhere to rehearse.
import { ExitCode, UserError } from '../protocol/errors';
import { codeOf, unauthorized } from './checks/check';
import { may, privilegesCheck, readPrivileges } from './checks/privilegeCheck';
import type { Connection } from './connect';
import { fit } from './dryRun/copies';

/** @throws UserError (exit code 5) in the place of a refusal by the server. */
export async function explainingRefusals<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) !== unauthorized) throw error;
    const { database } = connection.target;
    const privileges = await readPrivileges(connection.db);
    if (Array.isArray(privileges) && privileges.length === 0)
      throw lack(`The user has no rights on the database "${database}"`, `the role readWrite on it`, error);
    const [, command, collection] =
      /execute command \{ (\w+): "([^"]*)"/.exec((error as Error).message) ?? [];
    const what =
      command && collection ? `may not do ${command} on ${collection}` : 'may not do what a run needs';
    throw lack(`The user ${what} in the database "${database}"`, `the role readWrite on it`, error);
  }
}

const scratchNeeds = ['find', 'insert', 'update', 'remove', 'createIndex', 'dropDatabase'];

/**
 * Refuses a dry run of a user who may not make and drop databases beside the one at hand.
 * @throws UserError (exit code 5)
 */
export async function refuseWithoutScratch({ db }: Connection): Promise<void> {
  // Its name ends differently each time.
  const scratch = fit(db.databaseName, '_migratory_dry_00000000');
  const privileges = await readPrivileges(db);
  if (!Array.isArray(privileges)) return;
  const missing = scratchNeeds.filter((action) => !may(privileges, scratch, '', action));
  if (missing.length === 0) return;
  throw lack(
    `A dry run works in scratch databases beside the real one (like "${scratch}"), where the user lacks: ${missing.join(', ')}`,
    'the roles readWriteAnyDatabase and dbAdminAnyDatabase',
  );
}

function lack(what: string, needed: string, cause?: unknown): UserError {
  return new UserError(
    `A check failed: ${privilegesCheck.title}: ${what}. Give the user ${needed}, or use another user.`,
    { exitCode: ExitCode.checkFailed, cause },
  );
}
