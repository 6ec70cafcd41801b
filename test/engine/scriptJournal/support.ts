// A script that runs and is undone in a database of its own, and everything that can be seen of that database.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BSON, type Db, type Document, type MongoClient } from 'mongodb';
import { connect, type Connection } from '../../../src/engine/connect';
import { execute } from '../../../src/engine/execute';
import { arraySet, type MigrationSet } from '../../../src/engine/migrationSet';
import { RunSwitch, type EngineSettings } from '../../../src/engine/scope';
import type { ScriptMigration } from '../../../src/migration/kinds';
import type { Event } from '../../../src/protocol/events';
import type { RunResult } from '../../../src/protocol/runner';
import type { TestServer } from '../../support/server';

export type Up = ScriptMigration['up'];

/** The server writes defaults out when a validator is changed, and takes them never away again. */
function withoutDefaults({ validationLevel, validationAction, ...options }: Document): Document {
  return {
    ...options,
    ...(validationLevel && validationLevel !== 'strict'
      ? { validationLevel: validationLevel as unknown }
      : {}),
    ...(validationAction && validationAction !== 'error'
      ? { validationAction: validationAction as unknown }
      : {}),
  };
}

/** In what order a server tells the options of an index means nothing: 4.4 tells a changed one last. */
function sortedOptions(index: Document): Document {
  return Object.fromEntries(Object.entries(index).toSorted(([a], [b]) => a.localeCompare(b)));
}

let made: string | undefined;

/** Where the migrations would lie; one for the whole process. */
function folder(): string {
  if (made === undefined) {
    const path = mkdtempSync(join(tmpdir(), 'migratory-script-'));
    process.once('exit', () => rmSync(path, { recursive: true, force: true }));
    made = path;
  }
  return made;
}

export class Bench {
  readonly events: Event[] = [];
  readonly switch = new RunSwitch();
  readonly settings: EngineSettings = {
    ledger: '_migrations',
    backup: 'journal',
    sample: 'all',
    onFailure: 'rollback',
  };
  private constructor(
    readonly connection: Connection,
    readonly root: string,
  ) {}

  static async open(server: TestServer): Promise<Bench> {
    const { name, uri } = await server.database('script');
    return new Bench(await connect({ name: 'test', uri, database: name }), folder());
  }

  get db(): Db {
    return this.connection.db;
  }

  get client(): MongoClient {
    return this.connection.client;
  }

  up(up: Up, more: Partial<ScriptMigration> = {}): Promise<RunResult> {
    return this.#run('up', this.#set({ up, ...more }));
  }

  dryRun(up: Up): Promise<RunResult> {
    return this.#run('dry-run', this.#set({ up }));
  }

  /** Rolls the script back; without a `down` from its journal. */
  down(more: Partial<ScriptMigration> = {}): Promise<RunResult> {
    return this.#run('down', this.#set({ up: () => undefined, ...more }));
  }

  get conflicts(): Extract<Event, { type: 'conflict' }>[] {
    return this.events.filter((event) => event.type === 'conflict');
  }

  /** Everything of the database but our own state: documents, indexes, options. */
  async state(db: Db = this.db): Promise<unknown> {
    const own = /^_migrat/;
    const infos = await db.listCollections().toArray();
    const { collections: hashes } = await db.command({ dbHash: 1 });
    const found: Record<string, unknown> = {};
    for (const info of infos) {
      if (own.test(info.name) || info.name.startsWith('system.')) continue;
      const view = info.type === 'view';
      const indexes = view ? [] : await db.collection(info.name).listIndexes().toArray();
      const byName = indexes
        .map(sortedOptions)
        .toSorted((a, b) => String(a['name']).localeCompare(String(b['name'])));
      found[info.name] = BSON.EJSON.stringify({
        type: info.type,
        options: withoutDefaults((info as Document)['options'] as Document),
        indexes: byName,
        hash: (hashes as Document)[info.name] as unknown,
      });
    }
    return Object.fromEntries(Object.entries(found).toSorted(([a], [b]) => a.localeCompare(b)));
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  #set(definition: ScriptMigration): MigrationSet {
    return arraySet([{ name: 'script', kind: 'script', index: 0, definition }], this.root);
  }

  #run(mode: 'up' | 'down' | 'dry-run', set: MigrationSet): Promise<RunResult> {
    return execute({
      connection: this.connection,
      set,
      settings: this.settings,
      request: { mode, names: ['script'] },
      program: 'test',
      hooks: { event: (event) => this.events.push(event) },
      switch: this.switch,
    });
  }
}
