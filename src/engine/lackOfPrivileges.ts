// What a user lacks, told like a failed check where the checks of a migration come too late: a run cannot be recorded,
// or a dry run has nowhere to rehearse.
import { ExitCode, UserError } from '../protocol/errors';
import { codeOf, unauthorized } from './checks/check';
import { may, privilegesCheck, readPrivileges } from './checks/privilegeCheck';
import type { Connection } from './connect';
import { fit } from './dryRun/copies';

/**
 * @param exitCode 5 where it stands for a check of a migration, 1 where somebody only looks.
 * @throws UserError in the place of a refusal by the server.
 */
export async function explainingRefusals<T>(
  connection: Connection,
  work: () => Promise<T>,
  exitCode: ExitCode = ExitCode.checkFailed,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UserError || codeOf(error) !== unauthorized) throw error;
    const { database } = connection.target;
    const privileges = await readPrivileges(connection.db);
    if (Array.isArray(privileges) && privileges.length === 0)
      throw lack(`The user has no rights on the database "${database}"`, needed, { exitCode, cause: error });
    const [, command, collection] =
      /execute command \{ (\w+): "([^"]*)"/.exec((error as Error).message) ?? [];
    const what =
      command && collection ? `may not do ${command} on ${collection}` : 'may not do what a run needs';
    throw lack(`The user ${what} in the database "${database}"`, needed, { exitCode, cause: error });
  }
}

const needed = 'the role readWrite on it';
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

function lack(
  what: string,
  role: string,
  { exitCode = ExitCode.checkFailed, cause }: { exitCode?: ExitCode; cause?: unknown } = {},
): UserError {
  const as = exitCode === ExitCode.checkFailed ? `A check failed: ${privilegesCheck.title}: ` : '';
  return new UserError(`${as}${what}. Give the user ${role}, or use another user.`, { exitCode, cause });
}
