// A project with a folder of migrations in front of a real database, for tests of whole runs.
import { mkdir, mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Collection, Db, Document } from 'mongodb';
import { connect, type Connection } from '../../../src/engine/connect';
import { execute } from '../../../src/engine/execute';
import { folderSet, type MigrationSet } from '../../../src/engine/migrationSet';
import { RunSwitch, type EngineSettings } from '../../../src/engine/scope';
import { readState, type ExecuteRequest } from '../../../src/engine/selection';
import type { Event } from '../../../src/protocol/events';
import type { RunResult } from '../../../src/protocol/runner';
import { replicaSet, type TestServer } from '../../support/server';

export interface Row extends Document {
  _id: string | number;
}

export class Project {
  readonly events: Event[] = [];
  switch = new RunSwitch();
  /** As a config would name it. */
  python: string | undefined;
  readonly settings: EngineSettings = {
    ledger: '_migrations',
    backup: 'journal',
    sample: 1000,
    onFailure: 'rollback',
  };
  private constructor(
    readonly root: string,
    readonly connection: Connection,
  ) {}

  static async create(
    files: Record<string, string>,
    server: Promise<TestServer> = replicaSet(),
  ): Promise<Project> {
    const { name, uri } = await (await server).database('project');
    const root = await mkdtemp(join(tmpdir(), 'migratory-project-'));
    await mkdir(join(root, 'migrations'));
    const connection = await connect({ name: 'test', uri, database: name });
    const project = new Project(root, connection);
    await project.write(files);
    return project;
  }

  get db(): Db {
    return this.connection.db;
  }

  /** Fresh at each call, as each command has its own. */
  get set(): MigrationSet {
    return folderSet({ migrationsDir: join(this.root, 'migrations'), python: this.python }, this.root);
  }

  async write(files: Record<string, string>): Promise<void> {
    for (const [name, text] of Object.entries(files))
      await writeFile(join(this.root, 'migrations', name), text);
  }

  async remove(name: string): Promise<void> {
    await unlink(join(this.root, 'migrations', name));
  }

  run(request: Partial<ExecuteRequest> & Pick<ExecuteRequest, 'mode'>): Promise<RunResult> {
    return execute({
      connection: this.connection,
      set: this.set,
      settings: this.settings,
      request: { names: [], ...request },
      program: 'test',
      hooks: { event: (event) => this.events.push(event) },
      switch: this.switch,
    });
  }

  async states(): Promise<Record<string, string>> {
    const { statuses } = await readState(this);
    return Object.fromEntries(statuses.map(({ name, state }) => [name, state]));
  }

  ofType<T extends Event['type']>(type: T): Extract<Event, { type: T }>[] {
    return this.events.filter((event): event is Extract<Event, { type: T }> => event.type === type);
  }

  /** A collection whose `_id`s are of any type. */
  rows(name: string): Collection<Row> {
    return this.db.collection<Row>(name);
  }

  /** One text for everything that user collections hold, in bytes. */
  async content(...collections: string[]): Promise<string> {
    const parts = await Promise.all(
      collections.map(async (name) => {
        const raws = await this.db
          .collection(name)
          .find({}, { raw: true, sort: { _id: 1 } })
          .toArray();
        return raws.map((raw) => (raw as unknown as Buffer).toString('hex')).join('\n');
      }),
    );
    return parts.join('\n--\n');
  }

  /** With all BSON types kept. */
  async exactly(collection: string, filter: Document = {}): Promise<Document[]> {
    return this.db
      .collection(collection)
      .find(filter, { sort: { _id: 1 }, promoteValues: false })
      .toArray();
  }

  async close(): Promise<void> {
    await this.connection.close();
    await rm(this.root, { recursive: true });
  }
}
