// Scripts: an author's `up` or `down` with real driver objects whose client speaks through the door, so that every
// command is fenced, counted and, in a dry run, redirected.
import type { Db, MongoClient } from 'mongodb';
import { openDoor, type BeforeResult, type DoorCommand, type DoorHooks, type DoorReply } from '../wire/door';
import type { MigrationContext } from '../migration/kinds';
import type { Connection } from './connect';
import { resolveDriver } from './driver';
import { refuseOwnClients } from './ownClients';
import type { RunScope } from './scope';
import { runUserCode } from './userCode';

export interface ScriptDoorOptions {
  scope: RunScope;
  /** Called for each command before it is forwarded; may answer it in the place of the server. */
  before?: (command: DoorCommand) => Promise<BeforeResult | void>;
  after?: (command: DoorCommand, reply: DoorReply) => void;
  redirect?: (database: string) => string;
}

export type ScriptFunction = (db: Db, client: MongoClient, ctx: MigrationContext) => unknown;

/** Runs one function of a script; its client and its door are closed whatever happens. */
export async function runScriptFunction(
  name: string,
  work: ScriptFunction,
  ctx: MigrationContext,
  options: ScriptDoorOptions,
): Promise<void> {
  const { scope } = options;
  const door = await openDoor({
    upstream: { uri: scope.connection.target.uri, primary: () => primaryAddress(scope.connection) },
    hooks: doorHooks(options),
    redirect: options.redirect,
  });
  const driver = resolveDriver(scope.root);
  const client = new driver.MongoClient(door.uri, { serverSelectionTimeoutMS: 10_000 });
  const allowOwnClients = scope.dryRun ? refuseOwnClients(driver, client) : undefined;
  try {
    await client.connect();
    const db = client.db(scope.connection.target.database);
    await runUserCode(name, scope.signal, () => work(db, client, ctx));
  } finally {
    allowOwnClients?.();
    // A script that ignores a cancel keeps its sockets busy: closing the door ends them at once.
    await door.close();
    await client.close().catch(() => undefined);
  }
}

function doorHooks({ scope, before, after }: ScriptDoorOptions): DoorHooks {
  return {
    async fence() {
      await scope.gate();
    },
    async before(command) {
      return before?.(command);
    },
    after(command, reply) {
      after?.(command, reply);
    },
    refused(name, reason) {
      scope.recorder.log('warn', `The command "${name}" was refused: ${reason}`);
    },
  };
}

/** Where the primary is now, as the engine's own client knows it. */
async function primaryAddress(connection: Connection): Promise<{ host: string; port: number }> {
  const hello = await connection.client.db('admin').command({ hello: 1 });
  const primary: unknown = hello['primary'];
  const seed = connection.client.options.hosts[0];
  if (typeof primary === 'string' && !connection.client.options.directConnection) {
    const colon = primary.lastIndexOf(':');
    return { host: primary.slice(0, colon), port: Number(primary.slice(colon + 1)) };
  }
  return { host: seed?.socketPath ?? seed?.host ?? 'localhost', port: seed?.port ?? 27017 };
}
