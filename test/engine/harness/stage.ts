// A database with migrations in memory that go through the engine's one entry, execute(), and everything that can be
// seen of the server's user databases before and after.
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { BSON, type Db, type Document, type MongoClient } from 'mongodb';
import { connect, type Connection } from '../../../src/engine/connect';
import { execute, type ExecuteOptions, type ExecuteResult } from '../../../src/engine/execute';
import { arraySet } from '../../../src/engine/migrationSet';
import { readState, type ExecuteRequest } from '../../../src/engine/selection';
import { RunSwitch, type EngineSettings } from '../../../src/engine/scope';
import { isPipeline, isScript, type LoadedMigration, type Migration } from '../../../src/migration/kinds';
import type { Event } from '../../../src/protocol/events';
import { dbHash, rawBytes } from '../../support/bytes';
import type { TestServer } from '../../support/server';

const defaults: EngineSettings = {
  ledger: '_migrations',
  backup: 'journal',
  sample: 'all',
  onFailure: 'rollback',
};

export type Request = Partial<ExecuteRequest> & Pick<ExecuteRequest, 'mode'>;

/** One collection as a user sees it, comparable byte for byte. */
export interface CollectionState {
  type: string;
  options: string;
  indexes: string[];
  documents: Buffer[];
}

export class Stage {
  readonly events: Event[] = [];
  switch = new RunSwitch();
  readonly settings: EngineSettings;
  private constructor(
    readonly connection: Connection,
    readonly migrations: LoadedMigration[],
    settings: Partial<EngineSettings>,
  ) {
    this.settings = { ...defaults, ...settings };
  }

  /** On a database of its own; `uri` for one that another process uses too, or with options of its own. */
  static async open(
    server: TestServer,
    migrations: readonly Migration[],
    options: { settings?: Partial<EngineSettings>; uri?: string; prefix?: string } = {},
  ): Promise<Stage> {
    const uri = options.uri ?? (await server.database(options.prefix ?? 'stage')).uri;
    return Stage.at(uri, migrations, options.settings);
  }

  static async at(
    uri: string,
    migrations: readonly Migration[],
    settings: Partial<EngineSettings> = {},
  ): Promise<Stage> {
    const database = decodeURIComponent(new URL(uri.replace(/,[^/]*/, '')).pathname.slice(1));
    return new Stage(await connect({ name: 'test', uri, database }), migrations.map(loaded), settings);
  }

  get db(): Db {
    return this.connection.db;
  }

  get client(): MongoClient {
    return this.connection.client;
  }

  get names(): string[] {
    return this.migrations.map(({ name }) => name);
  }

  run(request: Request, more: Partial<ExecuteOptions> = {}): Promise<ExecuteResult> {
    return execute({
      connection: this.connection,
      set: arraySet(this.migrations, tmpdir()),
      settings: this.settings,
      request: { names: [], ...request },
      program: 'test',
      hooks: { event: (event) => this.events.push(event) },
      switch: this.switch,
      ...more,
    });
  }

  /** Runs and expects it to succeed. */
  async succeed(request: Request, more: Partial<ExecuteOptions> = {}): Promise<ExecuteResult> {
    const result = await this.run(request, more);
    assert.equal(result.exitCode, 0, `${request.mode}: ${describe(result)}`);
    return result;
  }

  /** Rolls all of the migrations back, the last first. */
  down(more: Partial<ExecuteOptions> = {}): Promise<ExecuteResult> {
    return this.succeed({ mode: 'down', names: this.names }, more);
  }

  /** A rehearsal: whatever it answers, no user database is different afterwards, and none is new. */
  async dryRun(request: Partial<ExecuteRequest> = {}): Promise<ExecuteResult> {
    const before = await this.hashes();
    const result = await this.run({ mode: 'dry-run', names: this.names, ...request });
    assert.deepEqual(await this.hashes(), before, 'a dry run has changed a database');
    return result;
  }

  async statuses(): Promise<string[]> {
    const { statuses } = await readState({
      connection: this.connection,
      set: arraySet(this.migrations, tmpdir()),
      settings: this.settings,
    });
    return statuses.map(({ state }) => state);
  }

  /** The names in the ledger. */
  async ledger(): Promise<string[]> {
    const rows = await this.db.collection('_migrations').find().sort({ name: 1 }).toArray();
    return rows.map((row) => String(row['name']));
  }

  /** The server's hashes of all documents, of every database that is not the server's own. */
  async hashes(): Promise<Record<string, Record<string, string>>> {
    const { databases } = await this.client.db('admin').admin().listDatabases({ nameOnly: true });
    const names = databases.map(({ name }) => name).filter((name) => !system.has(name));
    const hashes = names.sort().map(async (name) => [name, await dbHash(this.client.db(name))] as const);
    return Object.fromEntries(await Promise.all(hashes));
  }

  /** Every collection but our own: documents as bytes, indexes, options. */
  async state(db: Db = this.db): Promise<Record<string, CollectionState>> {
    const infos = (await db.listCollections().toArray()) as (Document & { name: string; type: string })[];
    const users = infos.filter(({ name }) => !own.test(name) && !name.startsWith('system.'));
    users.sort((a, b) => (a.name < b.name ? -1 : 1));
    const state: Record<string, CollectionState> = {};
    for (const { name, type, options } of users) {
      const collection = db.collection(name);
      const indexes = type === 'view' ? [] : await collection.listIndexes().toArray();
      state[name] = {
        type,
        options: BSON.EJSON.stringify(withDefaults(type, options as Document), { relaxed: false }),
        indexes: indexes.map((index) => BSON.EJSON.stringify(index, { relaxed: false })).sort(),
        documents: await rawBytes(collection),
      };
    }
    return state;
  }

  /** Names of our own collections, without those that every database keeps. */
  async leftovers(): Promise<string[]> {
    const infos = await this.db.listCollections({}, { nameOnly: true }).toArray();
    const names = infos.map(({ name }) => name).filter((name) => own.test(name));
    return names.filter((name) => !kept.has(name)).sort();
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}

const system = new Set(['admin', 'config', 'local']);
const own = /^_migrat/;
/** What API.md lets stay in a database for good. */
const kept = new Set([
  '_migrations',
  '_migratory_lease',
  '_migratory_runs',
  '_migratory_checkpoints',
  '_migratory_quarantine',
]);

/** collMod writes down what a validator does by default, and nothing takes it away again. */
function withDefaults(type: string, options: Document): Document {
  if (type === 'view') return options;
  const { validator, validationLevel, validationAction, ...rest } = options;
  if (validator === undefined || Object.keys(validator as object).length === 0) return rest;
  return {
    ...rest,
    validator: validator as Document,
    validationLevel: String(validationLevel ?? 'strict'),
    validationAction: String(validationAction ?? 'error'),
  };
}

function loaded(definition: Migration, index: number): LoadedMigration {
  const kind = isScript(definition) ? 'script' : isPipeline(definition) ? 'pipeline' : 'transform';
  return { name: definition.name ?? `m${index}`, kind, index, definition };
}

/** What a finished run says about itself, for the message of an assertion. */
export function describe({ exitCode, run }: ExecuteResult): string {
  const steps = run.steps.map(({ name, state, error }) => `${name} ${state} ${error?.message ?? ''}`);
  return `exit ${exitCode}, ${run.state}, ${run.error?.message ?? ''} [${steps.join('; ')}]`;
}

/** Compares two states with a message that names the collection and the first document that differ. */
export function assertSame(
  actual: Record<string, CollectionState>,
  expected: Record<string, CollectionState>,
  what: string,
): void {
  assert.deepEqual(Object.keys(actual), Object.keys(expected), `${what}: collections`);
  for (const [name, then] of Object.entries(expected)) {
    const now = actual[name]!;
    const { documents: nowDocuments, ...nowRest } = now;
    const { documents: thenDocuments, ...thenRest } = then;
    assert.deepEqual(nowRest, thenRest, `${what}: ${name}`);
    for (const [at, bytes] of thenDocuments.entries()) {
      if (nowDocuments[at]?.equals(bytes)) continue;
      assert.fail(`${what}: ${name}, document ${at}: ${shown(nowDocuments[at])} instead of ${shown(bytes)}`);
    }
    assert.equal(nowDocuments.length, thenDocuments.length, `${what}: documents of ${name}`);
  }
}

function shown(bytes: Buffer | undefined): string {
  if (!bytes) return 'nothing';
  if (bytes.length > 2000) return `${bytes.length} bytes`;
  try {
    const options = { promoteValues: false, bsonRegExp: true };
    return BSON.EJSON.stringify(BSON.deserialize(bytes, options), { relaxed: false });
  } catch {
    return bytes.toString('hex');
  }
}
