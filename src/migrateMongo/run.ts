// `up` and `down` of migrate-mongo: the same files in the same order, with the same ledger and lock, run by the one engine
// with its lease, run document and fencing.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Db, MongoClient } from 'mongodb';
import type { Connection } from '../engine/connect';
import type { CatalogueEntry } from '../engine/catalogue';
import { execute, type ExecuteResult } from '../engine/execute';
import { lockInPlace } from '../engine/migrateMongoLock';
import type { MigrationSet } from '../engine/migrationSet';
import { type EngineSettings, RunSwitch } from '../engine/scope';
import { settingsOf } from '../engine/settings';
import { withCallback } from '../migration/callbacks';
import { sourceChecksum } from '../migration/checksum';
import { loadModule } from '../migration/loadModule';
import { withoutEffect } from '../project/driverOptions';
import { ExitCode, UserError } from '../protocol/errors';
import { pending, type StatusItem, statusOf, type Warn } from './changelog';
import { type CallOptions, type MigrateMongoConfig, type Settings, settingsFrom } from './config';
import { fileNames, folderOf } from './folder';

export interface Call {
  connection: Connection;
  config: MigrateMongoConfig;
  options: CallOptions;
  /** What a program has opened itself: its migrations get these, unless a journal is kept. */
  own?: { db: Db; client: MongoClient };
  /** `cli` or `library`. */
  program: string;
  switch?: RunSwitch;
  warn?: Warn;
}

/** An `up` or `down` that did not come to its end. */
export class MigrateMongoError extends Error {
  override readonly name = 'Error';
  /** Names of the files that were migrated before, in this call. */
  readonly migrated: string[];
  /** What the server says about a refused document. */
  readonly additionalInfo?: unknown;
  /** Somebody asked for the end. */
  readonly cancelled: boolean;

  constructor(
    message: string,
    {
      cause,
      migrated = [],
      cancelled = false,
    }: { cause?: unknown; migrated?: string[]; cancelled?: boolean },
  ) {
    super(message, { cause });
    this.migrated = migrated;
    this.cancelled = cancelled;
    if (!(cause instanceof Error)) return;
    // As there: the stack says where the migration failed, not where that was told.
    if (cause.stack !== undefined) this.stack = cause.stack;
    if ('errInfo' in cause) this.additionalInfo = cause.errInfo;
  }
}

/** Runs everything that is pending, by file name; gives the names of the files. */
export async function up(call: Call): Promise<string[]> {
  const items = await itemsOf(call);
  const names = items.filter(({ appliedAt }) => appliedAt === pending).map(({ fileName }) => fileName);
  return run(call, 'up', names);
}

/** Undoes the last applied file by name, or with `block` everything that was applied together with it. */
export async function down(call: Call): Promise<string[]> {
  const applied = (await itemsOf(call)).filter(({ appliedAt }) => appliedAt !== pending);
  const last = applied.at(-1);
  if (!last && call.options.block) throw new Error('Could not migrate down: nothing is applied.');
  const block = call.options.block ? last?.migrationBlock : undefined;
  const chosen = block ? applied.filter(({ migrationBlock }) => migrationBlock === block) : applied.slice(-1);
  return run(call, 'down', chosen.map(({ fileName }) => fileName).toReversed());
}

function itemsOf({ connection, config, options, warn }: Call): Promise<StatusItem[]> {
  return statusOf(connection.db, config, options, warn);
}

async function run(call: Call, direction: 'up' | 'down', names: string[]): Promise<string[]> {
  const { connection, config, options, program } = call;
  const project = settingsFrom(config, options, { connection: false });
  const settings = engineSettings(project, call);
  const locked = `Could not migrate ${direction}, a lock is in place.`;
  if (names.length === 0) {
    if (settings.lock && (await lockInPlace(connection.db, settings.lock))) throw new Error(locked);
    return [];
  }
  const ignored = settings.client?.withoutEffect ?? [];
  if (ignored.length > 0) call.warn?.(withoutEffect(ignored));
  try {
    const result = await execute({
      connection,
      set: await fileSet(call, settings),
      settings,
      request: { mode: direction, names, changedToo: project.migrateMongo.useFileHash },
      program,
      wholeProcess: program === 'cli',
      hooks: {},
      switch: call.switch ?? new RunSwitch(),
    });
    return namesOf(result, direction);
  } catch (error) {
    if (error instanceof UserError && error.exitCode === ExitCode.locked)
      throw new Error(locked, { cause: error });
    throw error;
  }
}

/** @throws MigrateMongoError when the run did not end well. */
function namesOf({ run, exitCode, thrown }: ExecuteResult, direction: 'up' | 'down'): string[] {
  const done = direction === 'up' ? 'applied' : 'rolled-back';
  const migrated = run.steps.filter(({ state }) => state === done).map(({ name }) => name);
  if (exitCode === ExitCode.done) return migrated;
  const failed = run.steps.find(({ state }) => state !== done);
  const cause: unknown = thrown ?? run.error;
  const reason =
    thrown instanceof Error ? thrown.message : (run.error?.message ?? `the run ended as ${run.state}`);
  throw new MigrateMongoError(`Could not migrate ${direction} ${failed?.name ?? ''}: ${reason}`, {
    cause,
    migrated,
    cancelled: exitCode === ExitCode.cancelled,
  });
}

function engineSettings(project: Settings, { own }: Call): EngineSettings {
  const settings: EngineSettings = { ...settingsOf(project), backup: project.backup ?? 'none' };
  // A program's own client, which migrations get then, has its options already.
  return own && settings.backup === 'none' ? { ...settings, client: undefined } : settings;
}

/** One migration in each file, known by the file's name; what the file exports is looked at when it runs. */
async function fileSet(call: Call, { backup }: EngineSettings): Promise<MigrationSet> {
  const dir = folderOf(call.config);
  const own = backup === 'none' ? call.own : undefined;
  const entries = await Promise.all(
    (await fileNames(call.config)).map(async (name): Promise<CatalogueEntry> => {
      const file = join(dir, name);
      const source = await readFile(file);
      const checksum = sourceChecksum(source);
      return { name, kind: 'script', file, index: 0, hasDown: true, requires: [], checksum, source };
    }),
  );
  return {
    root: process.cwd(),
    read: () => Promise.resolve({ entries, problems: [] }),
    async load({ name, file }) {
      const exported = await exportsOf(file);
      const work =
        (way: 'up' | 'down') =>
        (db: Db, client: MongoClient): unknown => {
          const author = exported[way];
          if (typeof author !== 'function') throw new TypeError(`migration.${way} is not a function`);
          const given = [own?.db ?? db, own?.client ?? client] as const;
          const waiting = withCallback(author);
          // Two arguments and no more: some migrations look at how many they get.
          return waiting ? waiting(exported, ...given) : author.call(exported, ...given);
        };
      return { name, kind: 'script', file, index: 0, definition: { up: work('up'), down: work('down') } };
    },
  };
}

type Exports = Partial<Record<'up' | 'down', (this: unknown, ...given: unknown[]) => unknown>>;

async function exportsOf(file: string): Promise<Exports> {
  let value: unknown = await loadModule(file, process.cwd());
  // TypeScript that was compiled to CommonJS wraps the default twice.
  for (let depth = 0; depth < 2; depth++) {
    value = await value;
    if (typeof value !== 'object' || value === null || !('default' in value) || !value.default) break;
    value = value.default;
  }
  const exported: Exports | null | undefined = (await value) as Exports | null | undefined;
  return exported ?? {};
}
