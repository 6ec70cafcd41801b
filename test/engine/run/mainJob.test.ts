// The main job over the engine: files in a folder, a real server, and what stands in the database afterwards.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Binary, Db, Document } from 'mongodb';
import { connect, type Connection } from '../../../src/engine/connect';
import { execute } from '../../../src/engine/execute';
import { readState, type ExecuteRequest } from '../../../src/engine/selection';
import { folderSet } from '../../../src/engine/migrationSet';
import { discardQuarantine, listQuarantine, quarantinedDocument } from '../../../src/engine/quarantine';
import { findRun, listRuns } from '../../../src/engine/runs';
import { RunSwitch, type EngineSettings } from '../../../src/engine/scope';
import type { Event } from '../../../src/protocol/events';
import type { RunResult } from '../../../src/protocol/runner';
import { replicaSet } from '../../support/server';

const defaults: EngineSettings = {
  ledger: '_migrations',
  backup: 'journal',
  sample: 1000,
  onFailure: 'rollback',
};

class Project {
  readonly events: Event[] = [];
  readonly switch = new RunSwitch();
  readonly settings = { ...defaults };
  private constructor(
    readonly root: string,
    readonly connection: Connection,
  ) {}

  static async create(files: Record<string, string>): Promise<Project> {
    const { name, uri } = await (await replicaSet()).database('job');
    const root = await mkdtemp(join(tmpdir(), 'migratory-job-'));
    await mkdir(join(root, 'migrations'));
    const connection = await connect({ name: 'test', uri, database: name });
    const project = new Project(root, connection);
    await project.write(files);
    return project;
  }

  get db(): Db {
    return this.connection.db;
  }

  async write(files: Record<string, string>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(this.root, 'migrations', name), text);
    }
  }

  run(request: Partial<ExecuteRequest> & Pick<ExecuteRequest, 'mode'>): Promise<RunResult> {
    return execute({
      connection: this.connection,
      set: this.#set(),
      settings: this.settings,
      request: { names: [], ...request },
      program: 'test',
      hooks: { event: (event) => this.events.push(event) },
      switch: this.switch,
    });
  }

  async states(): Promise<Record<string, string>> {
    const { statuses } = await readState({
      connection: this.connection,
      set: this.#set(),
      settings: this.settings,
    });
    return Object.fromEntries(statuses.map(({ name, state }) => [name, state]));
  }

  ofType<T extends Event['type']>(type: T): Extract<Event, { type: T }>[] {
    return this.events.filter((event): event is Extract<Event, { type: T }> => event.type === type);
  }

  async close(): Promise<void> {
    await this.connection.close();
    await rm(this.root, { recursive: true });
  }

  #set(): ReturnType<typeof folderSet> {
    return folderSet({ migrationsDir: join(this.root, 'migrations') }, this.root);
  }
}

const script = `module.exports = {
  async up(db) {
    await db.collection('people').updateMany({ active: { $exists: false } }, { $set: { active: true } });
    await db.collection('people').createIndex({ active: 1 });
  },
  async down(db) {
    await db.collection('people').dropIndex('active_1');
    await db.collection('people').updateMany({}, { $unset: { active: '' } });
  },
};`;
const transform = `import { defineMigration } from 'migratory';
export default defineMigration({
  source: 'people',
  filter: { born: { $type: 'string' } },
  requiredIndexes: [{ born: 1 }],
  transform: (doc: { born: string }) => ({ $set: { born: new Date(doc.born) } }),
  validate: async (people) => (await people.countDocuments({ born: { $type: 'string' } })) === 0,
});`;

async function seed(db: Db, count = 3000): Promise<void> {
  const people = Array.from({ length: count }, (_, id) => ({
    _id: id as never,
    name: `Person ${id}`,
    born: `19${50 + (id % 50)}-03-0${1 + (id % 9)}`,
  }));
  await db.collection('people').insertMany(people);
  await db.collection('people').createIndex({ born: 1 });
}

describe('main job', function () {
  this.timeout(60_000);
  let project: Project;
  afterEach(() => project.close());

  it('applies and rolls back scripts and transforms, with ledger and run document', async () => {
    project = await Project.create({ '1-default.js': script, '2-dates.ts': transform });
    await seed(project.db);
    const before = await project.db.command({ dbHash: 1, collections: ['people'] });
    const { run, exitCode } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    assert.deepEqual(await project.states(), { '1-default.js': 'applied', '2-dates.ts': 'applied' });
    assert.equal(
      await project.db.collection('people').countDocuments({ active: true, born: { $type: 'date' } }),
      3000,
    );

    const row = await project.db.collection('_migrations').findOne({ name: '2-dates.ts' });
    assert.ok(row?.['appliedAt'] instanceof Date);
    assert.equal(typeof row['durationMs'], 'number');
    assert.match(String(row['checksum']), /^[0-9a-f]{64}$/);
    assert.equal(gunzipSync((row['source'] as Binary).value()).toString(), transform);
    assert.equal(row['run'], run._id);

    const stored = await findRun(project.db, run._id);
    assert.equal(stored?.state, 'applied');
    assert.deepEqual(
      stored.steps.map(({ name, state, total }) => ({ name, state, total })),
      [
        { name: '1-default.js', state: 'applied', total: 3000 },
        { name: '2-dates.ts', state: 'applied', total: 3000 },
      ],
    );
    assert.ok(!JSON.stringify(stored).includes('@'), 'no credentials in the run document');

    const down = await project.run({ mode: 'down', names: ['1-default.js', '2-dates.ts'] });
    assert.equal(down.exitCode, 0, JSON.stringify(down.run.error));
    assert.deepEqual(await project.states(), { '1-default.js': 'pending', '2-dates.ts': 'pending' });
    const after = await project.db.command({ dbHash: 1, collections: ['people'] });
    assert.deepEqual(after['collections'], before['collections']);
    assert.equal((await project.db.collection('people').indexes()).length, 2);
  });

  it('leaves the ledger untouched when up throws, and names file and line, source-mapped', async () => {
    const failing = [
      'interface Row { a: number }',
      'export async function up(db: import("mongodb").Db): Promise<void> {',
      '  const row: Row = { a: 1 };',
      "  await db.collection('people').updateOne({ _id: 1 as never }, { $set: row });",
      "  throw new Error('half-way', { cause: new TypeError('the reason') });",
      '}',
    ].join('\n');
    project = await Project.create({ '1-ok.js': script, '2-fails.ts': failing, '3-later.js': script });
    await seed(project.db, 10);
    const { run, exitCode } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 1);
    assert.equal(run.state, 'rolled-back');
    assert.equal((await project.db.collection('people').findOne({ _id: 1 as never }))?.['a'], undefined);
    assert.equal(run.error?.message, 'half-way');
    assert.equal(run.error.file, join(project.root, 'migrations', '2-fails.ts'));
    assert.equal(run.error.line, 5);
    assert.equal(run.error.cause?.message, 'the reason');
    assert.deepEqual(await project.states(), {
      '1-ok.js': 'applied',
      '2-fails.ts': 'failed',
      '3-later.js': 'pending',
    });
    assert.equal(await project.db.collection('_migrations').countDocuments(), 1);
  });

  it('undoes a failed transform by itself from its journal', async () => {
    const half = `module.exports = {
      source: 'people',
      transform: (doc) => {
        if (doc._id === 2500) throw new Error('document 2500 is odd');
        return { $set: { seen: true } };
      },
    };`;
    project = await Project.create({ '1-half.js': half });
    await seed(project.db);
    const { run, exitCode } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 1);
    assert.equal(run.state, 'rolled-back');
    assert.match(run.error?.message ?? '', /document 2500 is odd/);
    assert.equal(await project.db.collection('people').countDocuments({ seen: true }), 0);
    assert.deepEqual(await project.states(), { '1-half.js': 'failed' });
    const failed = { collection: 'people', id: { $numberInt: '2500' } };
    assert.deepEqual(run.error?.document, failed);
    const read = await findRun(project.db, run._id);
    assert.deepEqual([read?.error?.document, read?.steps[0]?.error?.document], [failed, failed]);
    // Servers before 5.0 store no field whose name begins with a dollar.
    const [stored] = await project.db.collection('_migratory_runs').find().toArray();
    assert.equal(stored?.['error'].document.idText, '{"$numberInt":"2500"}');
  });

  it('sets failing documents aside, and takes them in once the migration is mended', async () => {
    const picky = (limit: number): string => `module.exports = {
      source: 'people',
      onError: 'quarantine',
      transform: (doc) => {
        if (doc._id >= ${limit}) throw new Error('too high: ' + doc._id);
        return { $set: { seen: doc._id } };
      },
    };`;
    project = await Project.create({ '1-picky.js': picky(190) });
    await seed(project.db, 200);
    const first = await project.run({ mode: 'up' });
    assert.equal(first.exitCode, 0, JSON.stringify(first.run.error));
    assert.equal(first.run.steps[0]?.quarantined, 10);
    const source = createHash('sha256').update(picky(190)).digest('hex');
    assert.equal(first.run.steps[0]?.checksum, source);
    assert.deepEqual(
      project.ofType('quarantined').map(({ collection }) => collection),
      Array<string>(10).fill('people'),
    );
    assert.equal(await project.db.collection('people').countDocuments({ seen: { $exists: true } }), 190);
    const held = await listQuarantine(project.db);
    assert.deepEqual(
      [held.length, held[0]?.id, held[0]?.reason],
      [10, { $numberInt: '190' }, 'too high: 190'],
    );
    const place = { file: join(project.root, 'migrations', '1-picky.js'), line: 5, column: 35 };
    const [told] = project.ofType('quarantined');
    assert.deepEqual({ file: told?.file, line: told?.line, column: told?.column }, place);
    assert.deepEqual({ file: held[0]?.file, line: held[0]?.line, column: held[0]?.column }, place);
    const which = { step: '1-picky.js', collection: 'people', id: { $numberInt: '190' } };
    const people = project.db.collection<{ _id: number }>('people');
    await people.updateOne({ _id: 190 }, { $set: { theirs: true } });
    const { kept, current } = await quarantinedDocument(project.db, which);
    assert.deepEqual((kept as Document)['_id'], { $numberInt: '190' });
    assert.deepEqual(current, { ...(kept as Document), theirs: true });
    await people.updateOne({ _id: 190 }, { $unset: { theirs: '' } });
    assert.deepEqual(await quarantinedDocument(project.db, { ...which, id: 'nobody' }), {
      kept: null,
      current: null,
    });

    await project.write({ '1-picky.js': picky(1000) });
    const ids = ['192', '195'].map(($numberInt) => ({ $numberInt }));
    const two = await project.run({ mode: 'up', retryQuarantine: true, documents: ids });
    assert.deepEqual([two.exitCode, two.run.steps[0]?.processed], [0, 2]);
    assert.equal((await listQuarantine(project.db)).length, 8);
    assert.deepEqual(await listQuarantine(project.db, { documents: ids }), []);
    await assert.rejects(
      project.run({ mode: 'up', retryQuarantine: true, documents: ids, names: ['1-picky.js'] }),
      /Nothing with the _id \{"\$numberInt":"192"\}.* of "1-picky.js" is in quarantine/,
    );
    const discard = { step: '1-picky.js', documents: [{ $numberInt: '190' }] };
    assert.equal(await discardQuarantine(project.db, discard), 1);
    assert.equal(await discardQuarantine(project.db, discard), 0);

    const again = await project.run({ mode: 'up', retryQuarantine: true });
    assert.equal(again.exitCode, 0, JSON.stringify(again.run.error));
    assert.deepEqual(await listQuarantine(project.db), []);
    assert.equal(await project.db.collection('people').countDocuments({ seen: { $exists: true } }), 199);
    const down = await project.run({ mode: 'down' });
    assert.equal(down.exitCode, 0, JSON.stringify(down.run.error));
    assert.equal(await project.db.collection('people').countDocuments({ seen: { $exists: true } }), 0);
  });

  it('tells the document that it stopped at', async () => {
    // The check of a sample lets it pass.
    const file = `let calls = 0;
    module.exports = {
      source: 'people',
      transform: () => (++calls > 150 ? null.nothing : { $set: { seen: true } }),
    };`;
    project = await Project.create({ '1-stops.js': file });
    await seed(project.db, 200);
    const { run } = await project.run({ mode: 'up' });
    const error = run.steps[0]?.error;
    assert.equal(error?.document?.collection, 'people');
    const id = (error?.document?.id as { $numberInt?: string } | undefined)?.$numberInt;
    assert.match(error?.message ?? '', new RegExp(`^document ${id} of "people"`));
    assert.equal(error?.line ?? error?.cause?.line, 4);
  });

  it('leaves nothing in quarantine of what is rolled back or undone', async () => {
    const picky = (fatal: boolean): string => `module.exports = {
      source: 'people',
      onError: 'quarantine',
      transform: (doc) => (doc._id === 7 ? null.nothing : { $set: { seen: doc._id } }),
      validate: () => ${!fatal},
    };`;
    project = await Project.create({ '1-picky.js': picky(true) });
    await seed(project.db, 50);
    const undone = await project.run({ mode: 'up' });
    assert.equal(undone.run.state, 'rolled-back');
    assert.equal(project.ofType('quarantined').length, 1);
    assert.deepEqual(await listQuarantine(project.db), []);

    await project.write({ '1-picky.js': picky(false) });
    assert.equal((await project.run({ mode: 'up' })).run.steps[0]?.quarantined, 1);
    assert.equal((await listQuarantine(project.db)).length, 1);
    const down = await project.run({ mode: 'down' });
    assert.equal(down.run.state, 'rolled-back');
    assert.deepEqual(await listQuarantine(project.db), []);
  });

  it('stops before the start when a check fails, with exit code 5', async () => {
    const needsIndex = transform.replace('{ born: 1 }', '{ nowhere: 1 }');
    project = await Project.create({ '1-dates.ts': needsIndex });
    await seed(project.db, 20);
    const { run, exitCode } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 5);
    assert.match(run.error?.message ?? '', /Index \{"nowhere":1\} exists/);
    assert.equal(await project.db.collection('people').countDocuments({ born: { $type: 'date' } }), 0);
  });

  it('ends with the failure when the verification does not hold, and takes the transform back', async () => {
    const wrong = transform.replace('=== 0', '=== 7').replace('requiredIndexes: [{ born: 1 }],', '');
    project = await Project.create({ '1-dates.ts': wrong });
    await seed(project.db, 200);
    const { run, exitCode } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 5);
    assert.equal(run.state, 'rolled-back');
    assert.equal(await project.db.collection('people').countDocuments({ born: { $type: 'string' } }), 200);
  });

  it('survives what authors throw and call: a string, undefined, process.exit', async () => {
    const throwing = (body: string): string => `exports.up = async () => { ${body} };`;
    const cases: [string, RegExp][] = [
      ["throw 'just a string';", /just a string/],
      ['throw undefined;', /undefined/],
      ['process.exit(3);', /process\.exit\(3\)/],
      ['try { process.exit(4); } catch {}', /process\.exit\(4\)/],
    ];
    project = await Project.create({});
    for (const [body, message] of cases) {
      await project.write({ '1-odd.js': throwing(body) });
      const { run, exitCode } = await project.run({ mode: 'up' });
      assert.equal(exitCode, 1, body);
      assert.match(run.error?.message ?? '', message);
      assert.equal(run.state, 'failed');
    }
  });

  it('ends an endless script on cancel, and says that it was cancelled', async () => {
    const endless = `exports.up = async (db) => {
      for (;;) await db.collection('ticks').insertOne({ at: new Date() });
    };`;
    project = await Project.create({ '1-endless.js': endless });
    const running = project.run({ mode: 'up' });
    while ((await project.db.collection('ticks').countDocuments()) === 0) await new Promise(setImmediate);
    project.switch.cancel();
    const { run, exitCode } = await running;
    assert.equal(exitCode, 130);
    assert.equal(run.state, 'cancelled');
    const ticks = await project.db.collection('ticks').countDocuments();
    assert.equal(await project.db.collection('ticks').countDocuments(), ticks);
    assert.equal(await project.db.collection('_migrations').countDocuments(), 0);
  });

  it('pauses and goes on through the run document, from anywhere', async () => {
    const slow = `exports.up = async (db) => {
      for (let i = 0; i < 1e6; i++) {
        if (await db.collection('stop').findOne({})) return;
        await db.collection('ticks').insertOne({ i });
      }
    };`;
    project = await Project.create({ '1-slow.js': slow });
    const { db } = project;
    const running = project.run({ mode: 'up' });
    const stateOf = async (): Promise<string | undefined> => (await listRuns(db, 1))[0]?.state;
    const until = async (state: string): Promise<void> => {
      while ((await stateOf()) !== state) await new Promise((resolve) => setTimeout(resolve, 50));
    };
    await until('running');
    const [{ _id: id } = { _id: '' }] = await listRuns(db, 1);
    await db
      .collection<{ _id: string }>('_migratory_runs')
      .updateOne({ _id: id }, { $set: { control: 'pause' } });
    await until('paused');
    const before = await db.collection('ticks').countDocuments();
    await db.collection('stop').insertOne({});
    assert.equal(await db.collection('ticks').countDocuments(), before, 'nothing moves while paused');
    await db
      .collection<{ _id: string }>('_migratory_runs')
      .updateOne({ _id: id }, { $set: { control: 'resume' } });
    const { run, exitCode } = await running;
    assert.equal(exitCode, 0, JSON.stringify(run.error));
  });

  it('refuses a second run while one is at work, with exit code 4', async () => {
    const waiting = `exports.up = async (db, client, ctx) => {
      while (!(await db.collection('go').findOne({}))) await new Promise((r) => setTimeout(r, 20));
    };`;
    project = await Project.create({ '1-wait.js': waiting });
    const first = project.run({ mode: 'up' });
    while ((await listRuns(project.db, 1)).length === 0) await new Promise(setImmediate);
    await assert.rejects(project.run({ mode: 'up' }), { name: 'UserError', exitCode: 4 });
    await project.db.collection('go').insertOne({});
    assert.equal((await first).exitCode, 0);
  });

  it('refuses a script that is read-only, and unknown names, before anything starts', async () => {
    project = await Project.create({ '1-ok.js': script });
    await assert.rejects(project.run({ mode: 'up', names: ['nope'] }), /There is no migration "nope"/);
    project.connection.target.readOnly = true;
    await assert.rejects(project.run({ mode: 'up' }), { exitCode: 2 });
    assert.equal(await project.db.collection('_migratory_runs').countDocuments(), 0);
  });
});

describe('dry run', function () {
  this.timeout(60_000);
  let project: Project;
  afterEach(() => project.close());

  async function hashes(): Promise<string> {
    const { client } = project.connection;
    const { databases } = await client.db().admin().listDatabases({ nameOnly: true });
    const user = databases
      .map(({ name }) => name)
      .filter((name) => !['admin', 'config', 'local'].includes(name));
    const all = await Promise.all(
      user
        .filter((name) => name === project.db.databaseName || name.includes('_migratory_dry_'))
        .map(async (name) => [name, (await client.db(name).command({ dbHash: 1 }))['collections']]),
    );
    return JSON.stringify(all);
  }

  it('reports what would happen to scripts and transforms, and writes nothing', async () => {
    project = await Project.create({ '1-default.js': script, '2-dates.ts': transform });
    await seed(project.db, 500);
    const before = await hashes();
    const { run, exitCode } = await project.run({ mode: 'dry-run' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    assert.equal(await hashes(), before);
    const reports = project.ofType('report').map(({ report }) => report);
    assert.deepEqual(
      reports.map(({ collections, repeatable, reversible }) => ({
        changed: collections.map(({ collection, changed, indexes }) => ({ collection, changed, indexes })),
        repeatable: repeatable.answer,
        reversible: reversible.answer,
      })),
      [
        {
          changed: [{ collection: 'people', changed: 500, indexes: ['index active_1 created'] }],
          repeatable: 'yes',
          reversible: 'yes',
        },
        {
          changed: [{ collection: 'people', changed: 500, indexes: [] }],
          repeatable: 'yes',
          reversible: 'yes',
        },
      ],
    );
    assert.deepEqual(reports[0]?.diffs[0]?.before, {
      _id: { $numberInt: '0' },
      name: 'Person 0',
      born: '1950-03-01',
    });
    assert.deepEqual(reports[1]?.diffs[0]?.after, {
      _id: { $numberInt: '0' },
      name: 'Person 0',
      active: true,
      born: { $date: { $numberLong: String(Date.UTC(1950, 2, 1)) } },
    });
  });

  it('says when a script is not repeatable and not reversible', async () => {
    const increment = `exports.up = (db) => db.collection('people').updateMany({}, { $inc: { n: 1 } });
      exports.down = (db) => db.collection('people').updateMany({}, { $inc: { n: -1 } });`;
    project = await Project.create({ '1-inc.js': increment });
    await seed(project.db, 20);
    await project.run({ mode: 'dry-run' });
    const [{ report } = { report: undefined }] = project.ofType('report');
    assert.equal(report?.repeatable.answer, 'no');
    assert.equal(report.reversible.answer, 'no');
    assert.match(report.reversible.details, /20 documents differ/);
  });

  it('redirects other databases, drops and renames too', async () => {
    const wild = `exports.up = async (db, client) => {
      await client.db(db.databaseName + '_other').collection('x').insertOne({ a: 1 });
      await db.collection('people').rename('folk');
      await db.collection('folk').aggregate([{ $match: {} }, { $out: 'copy' }]).toArray();
      await db.dropDatabase();
    };`;
    project = await Project.create({ '1-wild.js': wild });
    await seed(project.db, 30);
    const before = await hashes();
    const { exitCode, run } = await project.run({ mode: 'dry-run' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    assert.equal(await hashes(), before);
    const { databases } = await project.connection.client.db().admin().listDatabases({ nameOnly: true });
    assert.ok(!databases.some(({ name }) => name === `${project.db.databaseName}_other`));
  });

  it('fails with the error of up and still leaves nothing behind', async () => {
    project = await Project.create({
      '1-bad.js': `exports.up = async (db) => { await db.collection('people').deleteMany({}); throw new Error('no'); };`,
    });
    await seed(project.db, 10);
    const before = await hashes();
    const { exitCode, run } = await project.run({ mode: 'dry-run' });
    assert.equal(exitCode, 1);
    assert.equal(run.error?.message, 'no');
    assert.equal(await hashes(), before);
  });
});
