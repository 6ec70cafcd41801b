// Scripts: an author's `up` or `down` with real driver objects whose client speaks through the door, so that every
// command is fenced, counted and, in a dry run, redirected.
import type { Db, MongoClient } from 'mongodb';
import {
  openDoor,
  type BeforeResult,
  type Door,
  type DoorCommand,
  type DoorHooks,
  type DoorReply,
} from '../wire/door';
import type { MigrationContext } from '../migration/kinds';
import { scriptClientOptions } from './clientOptions';
import { primaryAddress } from './connect';
import { resolveDriver } from './driver';
import type { PendingHelpers } from './helpers/pendingHelpers';
import type { OwnClientHooks } from './ownClients';
import type { RunScope } from './scope';
import { ScriptEnd } from './scriptEnd';
import { StrayErrors } from './strayErrors';
import { runUserCode } from './userCode';

export interface ScriptDoorOptions {
  scope: RunScope;
  /** What the script does by `ctx`. */
  helpers: PendingHelpers;
  /** Called for each command before it is forwarded; may answer it in the place of the server. */
  before?: (command: DoorCommand, ownClient: boolean) => Promise<BeforeResult | void>;
  after?: (command: DoorCommand, reply: DoorReply) => void;
  redirect?: (database: string) => string;
}

const doors = new WeakMap<MongoClient, Door>();

/** For code that runs in another process: what its own client is opened with. Holds credentials and the token. */
export function doorUri(client: MongoClient): string {
  const door = doors.get(client);
  if (!door) throw new Error('this client belongs to no script that runs');
  return door.uri;
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
  const end = new ScriptEnd();
  const door = await openDoor({
    upstream: { uri: scope.connection.target.uri, primary: () => primaryAddress(scope.connection) },
    hooks: doorHooks(options, end),
    redirect: options.redirect,
  });
  const MongoClient = scope.connection.MongoClient ?? resolveDriver(scope.root).MongoClient;
  const client = new MongoClient(door.uri, {
    ...scriptClientOptions(scope),
    serverSelectionTimeoutMS: 10_000,
  });
  doors.set(client, door);
  const strays = new StrayErrors();
  try {
    await client.connect();
    const db = client.db(scope.connection.target.database);
    await scope.ownClients.run(
      () => runUserCode(name, scope.signal, () => strays.run(() => work(db, client, ctx)), strays.thrown),
      ownClientHooks(options, end),
    );
    strays.ended();
    // Writes that ask for no answer were made all the same.
    await Promise.all([door.heard(), scope.ownClients.heard()]);
  } finally {
    await options.helpers.abandon();
    await end.settle(scope.connection.client, scope.signal.aborted);
    // While the door is open, what the client still has to let go of is done at once.
    const closing = client.close().catch(() => undefined);
    if (!scope.signal.aborted) await closing;
    // A script that ignores a cancel keeps its sockets busy: closing the door ends them at once.
    if (scope.signal.aborted) scope.ownClients.interrupt();
    await door.close();
    await closing;
    await strays.close();
  }
  // Also a command that was cut off since nobody awaited it.
  strays.throwFirst(scope.root);
}

/** The hooks of a command's way, which is over when it is answered or was refused. */
function noted(
  { before, after }: Pick<ScriptDoorOptions, 'before' | 'after'>,
  end: ScriptEnd,
  ownClient: boolean,
): Required<Pick<DoorHooks, 'before' | 'after'>> {
  return {
    async before(command) {
      end.begin(command);
      try {
        return await before?.(command, ownClient);
      } catch (error) {
        end.end(command);
        throw error;
      }
    },
    after(command, reply) {
      end.end(command);
      after?.(command, reply);
    },
  };
}

/** Clients that the script opens by itself are treated like the one that it was given. */
function ownClientHooks({ before, after, redirect }: ScriptDoorOptions, end: ScriptEnd): OwnClientHooks {
  return { ...noted({ before, after }, end, true), redirect };
}

function doorHooks({ scope, before, after }: ScriptDoorOptions, end: ScriptEnd): DoorHooks {
  const told = new Set<string>();
  return {
    async fence() {
      end.check();
      await scope.gate();
    },
    ...noted({ before, after }, end, false),
    refused(name, reason) {
      const message = `The command "${name}" was refused: ${reason}`;
      // Drivers ask again and again.
      if (!told.has(message)) scope.recorder.log('warn', message);
      told.add(message);
    },
  };
}
