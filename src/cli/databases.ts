// `--databases 'shop_*'`: the same command on many databases of one server, for tenants that have one each. Every database
// has its own ledger, lease and run; what they share is the connection.
import type { Connection } from '../engine/connect';
import { listDatabases } from '../engine/databases';
import { folderSet } from '../engine/migrationSet';
import { describeTarget } from '../project/target';
import { ExitCode, UserError } from '../protocol/errors';
import type { Session } from './session';

/** `*` stands for any characters, `?` for one; several patterns are separated by commas. */
function matcher(patterns: string): (name: string) => boolean {
  const parts = patterns
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const expressions = parts.map((part) => {
    const escaped = part.replace(/[\\^$.|+()[\]{}]/g, '\\$&');
    return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'u');
  });
  return (name) => expressions.some((expression) => expression.test(name));
}

/**
 * One session for each database that is meant, by name.
 * @throws UserError when there is none: a typing error must not look like success.
 */
export async function sessionsOf(session: Session, patterns: string): Promise<Session[]> {
  const { client } = session.connection;
  const names = await listDatabases(client);
  const chosen = names.filter(matcher(patterns));
  if (chosen.length === 0) {
    throw new UserError(
      `No database is called like "${patterns}". There are: ${names.join(', ') || 'none'}.`,
      {
        exitCode: ExitCode.usage,
      },
    );
  }
  return chosen.map((name) => ({
    ...session,
    connection: onDatabase(session.connection, name),
    // Loaded anew for each: what a module remembers of one tenant is not for the next.
    set: folderSet(session.config, session.set.root),
  }));
}

function onDatabase(connection: Connection, database: string): Connection {
  const target = { ...connection.target, database };
  return { ...connection, target, db: connection.client.db(database), label: describeTarget(target) };
}

export interface Spread {
  /** At most so many databases at once. */
  parallel: number;
  /** Go on with the other databases when one fails. */
  goOn: boolean;
}

/**
 * Works through the sessions.
 * @returns what each ended with, in their order; undefined for those that were not begun any more.
 */
export async function spread<T>(
  sessions: readonly Session[],
  { parallel, goOn }: Spread,
  work: (session: Session) => Promise<{ result: T; failed: boolean }>,
): Promise<(T | undefined)[]> {
  const results: (T | undefined)[] = sessions.map(() => undefined);
  let next = 0;
  let stopped = false;
  const worker = async (): Promise<void> => {
    while (next < sessions.length && !stopped) {
      const at = next++;
      const { result, failed } = await work(sessions[at]!);
      results[at] = result;
      if (failed && !goOn) stopped = true;
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, sessions.length) }, worker));
  return results;
}
