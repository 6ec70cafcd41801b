// Scripts: an author's `up` or `down` with real driver objects whose client speaks through the door, so that every
// command is fenced, counted and, in a dry run, redirected.
import type { Db, MongoClient } from 'mongodb';
import { openDoor, type BeforeResult, type DoorCommand, type DoorHooks, type DoorReply } from '../wire/door';
import type { MigrationContext } from '../migration/kinds';
import { primaryAddress } from './connect';
import { resolveDriver } from './driver';
import type { OwnClientHooks } from './ownClients';
import type { RunScope } from './scope';
import { runUserCode } from './userCode';

export interface ScriptDoorOptions {
  scope: RunScope;
  /** Called for each command before it is forwarded; may answer it in the place of the server. */
  before?: (command: DoorCommand, ownClient: boolean) => Promise<BeforeResult | void>;
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
  try {
    await client.connect();
    const db = client.db(scope.connection.target.database);
    await scope.ownClients.run(
      () => runUserCode(name, scope.signal, () => work(db, client, ctx)),
      ownClientHooks(options),
    );
  } finally {
    // A script that ignores a cancel keeps its sockets busy: closing the door ends them at once.
    if (scope.signal.aborted) scope.ownClients.interrupt();
    await door.close();
    await client.close().catch(() => undefined);
  }
}

/** Clients that the script opens by itself are treated like the one that it was given. */
function ownClientHooks({ before, after, redirect }: ScriptDoorOptions): OwnClientHooks {
  return { before: async (command) => before?.(command, true), after, redirect };
}

function doorHooks({ scope, before, after }: ScriptDoorOptions): DoorHooks {
  return {
    async fence() {
      await scope.gate();
    },
    async before(command) {
      return before?.(command, false);
    },
    after(command, reply) {
      after?.(command, reply);
    },
    refused(name, reason) {
      scope.recorder.log('warn', `The command "${name}" was refused: ${reason}`);
    },
  };
}
