// Python files: loaded by a process of the project's Python, which tells what they hold. Their functions run each in a
// process of its own, with a client that is connected to the door of the step.
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Db, MongoClient } from 'mongodb';
import { classifyMigration } from '../../migration/classify';
import type {
  LoadedMigration,
  MigrationContext,
  ScriptMigration,
  ValidateResult,
} from '../../migration/kinds';
import { displayPath, emptyFile, fileError, unreadableFile } from '../../migration/loadErrors';
import type { Destination } from '../../wire/ownSockets';
import type { Outlet } from '../ownClients';
import { doorUri } from '../script';
import { describe, type Origin, outletDoor, type Told } from './describe';
import { ContextQuestions } from './contextQuestions';
import { callError } from './errors';
import { findPython } from './interpreter';
import {
  type PythonContext,
  type PythonDoor,
  type PythonEars,
  type PythonRequest,
  type PythonTask,
  runPython,
} from './process';

export interface LoadPythonOptions {
  root: string;
  /** What a migration without a name is called, if not by the file's name. */
  name?: string;
  /** As the config or a setting names it. */
  python?: string;
  /** The run's way out for clients that the code opens by itself; without a run, such clients connect as they like. */
  outlet?: Outlet;
}

type FunctionName = 'up' | 'down' | 'validate';

/**
 * The migrations of one Python file, in its order, checked.
 * @throws UserError for everything that can be wrong with the file, with Python or with pymongo.
 */
export async function loadPython(file: string, options: LoadPythonOptions): Promise<LoadedMigration[]> {
  const { root, name = basename(file), outlet } = options;
  const source = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw unreadableFile(file, root, error);
  });
  if (source.toString('utf8').replace('\uFEFF', '').trim() === '') throw emptyFile(file, root);
  const python = await findPython({ root, configured: options.python });
  const origin = { file, root, source, python, outlet };
  const told = await describe(origin);
  return told.map((each, index) =>
    classifyMigration(definition(each, index, origin), {
      place: displayPath(file, root),
      index,
      count: told.length,
      fallbackName: name,
      file,
    }),
  );
}

function definition(told: Told, index: number, origin: Origin): Partial<ScriptMigration> {
  const { up, down, validate, ...values } = told;
  for (const [field, given] of Object.entries({ up, down, validate })) {
    if (given === undefined || given === true) continue;
    throw fileError(
      origin.file,
      `${displayPath(origin.file, origin.root)} has a field "${field}" that is ${given}; it must be a function.`,
      `Correct ${field}`,
    );
  }
  return {
    ...(values as Partial<ScriptMigration>),
    ...(up && { up: scriptFunction('up', index, origin) }),
    ...(down && { down: scriptFunction('down', index, origin) }),
    ...(validate && { validate: (_db: Db, ctx: MigrationContext) => callValidate(index, origin, ctx) }),
  };
}

function scriptFunction(name: 'up' | 'down', index: number, origin: Origin): ScriptMigration['up'] {
  return async (db: Db, client: MongoClient, ctx: MigrationContext) => {
    const { uri, database } = { uri: doorUri(client), database: db.databaseName };
    await call(name, index, origin, ctx, { uri, database, cluster: origin.outlet?.cluster() ?? [] });
  };
}

/** It only looks: its commands go through the door of own clients, which takes no writes now. */
async function callValidate(index: number, origin: Origin, ctx: MigrationContext): Promise<ValidateResult> {
  const { outlet } = origin;
  const door = outlet && outletDoor(outlet);
  if (!door) throw new Error('validate of a Python migration runs in a run alone');
  return ((await call('validate', index, origin, ctx, door)) as ValidateResult | null) ?? undefined;
}

async function call(
  name: FunctionName,
  index: number,
  origin: Origin,
  ctx: MigrationContext,
  door: PythonDoor,
): Promise<unknown> {
  const { dryRun, args, run } = ctx;
  const context: PythonContext = { dryRun, args, run };
  // A session of this process means that there shall be one transaction; pymongo opens its own, on its own connection.
  const transaction = ctx.session !== undefined;
  const work: PythonTask = { task: 'call', index, function: name, transaction };
  const request: PythonRequest = { ...origin, work, door, context };
  const questions = new ContextQuestions(ctx);
  const ears: PythonEars = {
    log: ctx.log,
    ask: (question) => questions.answer(question),
    outside: (kind, place) => origin.outlet?.outside?.note(kind, place),
    progress: (done: number, total: number | undefined) => ctx.progress(done, total),
    elsewhere: (to: Destination) => origin.outlet?.elsewhere(to),
  };
  const answer = await runPython(origin.python, request, ears, ctx.signal);
  if (answer.type === 'result') return answer.value;
  const known = answer.type === 'error' ? questions.errorOf(answer.error) : undefined;
  if (known !== undefined) throw known;
  const place = displayPath(origin.file, origin.root);
  throw callError(answer, `${name} of ${place}`, origin);
}
