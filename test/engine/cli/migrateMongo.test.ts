// `migratory-mm` beside migrate-mongo 14 and 12: the same calls in two equal projects, compared as seen from outside, and
// both tools taking turns on one project and one changelog.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Db, type Document, Double, Long } from 'mongodb';
import { replicaSet } from '../../support/server';
import { skipBelow } from '../../support/skip';
import { bundleProgram } from './program';

const source = fileURLToPath(new URL('../../../src/cli/migrateMongo.ts', import.meta.url));
const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

type Tool = (project: Project, ...args: string[]) => Promise<Ended>;

async function runNode(program: string, cwd: string, args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args], { cwd, env: { PATH: process.env['PATH'] } });
  const ended = once(child, 'close') as Promise<[number | null]>;
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, out, err };
}

const theirs =
  (name: string): Tool =>
  ({ root }, ...args) =>
    runNode(join(modules, name, 'bin', 'migrate-mongo.js'), root, args);

/** A folder with a config in front of a database of its own. */
class Project {
  private constructor(
    readonly root: string,
    readonly db: Db,
    readonly uri: string,
  ) {}

  static async create(config: Document = {}, files: Record<string, string> = {}): Promise<Project> {
    const server = await replicaSet();
    const { db, name } = await server.database('mm');
    const root = await mkdtemp(join(tmpdir(), 'migratory-mm-'));
    const project = new Project(root, db, server.uri);
    const whole = {
      mongodb: { url: server.uri, databaseName: name },
      migrationsDir: 'migrations',
      changelogCollectionName: 'changelog',
      moduleSystem: 'commonjs',
      ...config,
    };
    await project.write({
      'migrate-mongo-config.js': `module.exports = ${JSON.stringify(whole)};`,
      ...Object.fromEntries(Object.entries(files).map(([file, content]) => [`migrations/${file}`, content])),
    });
    await mkdir(join(root, 'migrations'), { recursive: true });
    return project;
  }

  async write(files: Record<string, string>): Promise<void> {
    for (const [file, content] of Object.entries(files)) {
      await mkdir(dirname(join(this.root, file)), { recursive: true });
      await writeFile(join(this.root, file), content);
    }
  }

  /** The changelog by file name, without what differs from run to run. */
  async changelog(): Promise<Document[]> {
    const rows = await this.db
      .collection('changelog')
      .find({}, { sort: { fileName: 1 }, promoteValues: false })
      .toArray();
    return rows.map(({ _id, appliedAt, migrationBlock, migratory, ...rest }) => {
      assert.ok(_id);
      assert.ok(appliedAt instanceof Date);
      assert.ok(migrationBlock instanceof Double || migrationBlock instanceof Long, String(migrationBlock));
      assert.ok(migratory === undefined || typeof migratory === 'object');
      return rest;
    });
  }

  async blocks(): Promise<unknown[]> {
    const rows = await this.db.collection('changelog').find({}).sort({ fileName: 1 }).toArray();
    return rows.map((row): unknown => row['migrationBlock']);
  }

  /** What the migrations have written, in order. */
  async done(): Promise<unknown[]> {
    const rows = await this.db.collection('done').find({}).sort({ $natural: 1 }).toArray();
    return rows.map((row): unknown => row['what']);
  }

  remove(): Promise<void> {
    return rm(this.root, { recursive: true, force: true });
  }
}

const migration = (name: string, extra = ''): string => `module.exports = {
  async up(db, client) {
    if (arguments.length !== 2) throw new Error('given ' + arguments.length + ' arguments');
    if (typeof client.db !== 'function') throw new Error('no client');
    ${extra}
    await db.collection('done').insertOne({ what: 'up ${name}' });
  },
  async down(db) { await db.collection('done').insertOne({ what: 'down ${name}' }); },
};`;
const three = { '1-a.js': migration('a'), '2-b.js': migration('b'), '3-c.js': migration('c') };

/** What both must have in common: the code, the output, and of an error everything but its stack. */
function seen({ code, out, err }: Ended, project: Project): object {
  const withoutRoot = (words: string): string => words.replaceAll(project.root, 'ROOT');
  const times = (words: string): string =>
    words.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME').replaceAll(/\b1[789]\d{11}\b/g, 'BLOCK');
  const errors = err.split('\n').filter((line) => line.startsWith('ERROR'));
  const sentence = errors.map((line) => withoutRoot(line).replace(/^(ERROR: .*?) \w*Error: .*$/, '$1'));
  return { code, out: times(withoutRoot(out)), errors: sentence };
}

describe('migratory-mm', function () {
  this.timeout(120_000);
  let ours: Tool;
  let remove: () => Promise<void>;
  const projects: Project[] = [];
  const create = async (...given: Parameters<typeof Project.create>): Promise<Project> => {
    const project = await Project.create(...given);
    projects.push(project);
    return project;
  };
  before(async () => {
    const bundled = await bundleProgram(source);
    remove = bundled.remove;
    ours = ({ root }, ...args) => runNode(bundled.program, root, args);
  });
  afterEach(() => Promise.all(projects.splice(0).map((project) => project.remove())));
  after(() => remove());

  /** The same calls in two equal projects. Between calls, `change` may edit both. */
  async function sameAs(
    tool: Tool,
    config: Document,
    files: Record<string, string>,
    calls: (string[] | ((project: Project) => Promise<void>))[],
  ): Promise<Project> {
    const [mine, other] = [await create(config, files), await create(config, files)];
    for (const call of calls) {
      if (typeof call === 'function') {
        await call(mine);
        await call(other);
        continue;
      }
      const [got, expected] = [await ours(mine, ...call), await tool(other, ...call)];
      assert.deepEqual(
        seen(got, mine),
        seen(expected, other),
        `${call.join(' ')}\n${got.err}\n${expected.err}`,
      );
      assert.deepEqual(await mine.changelog(), await other.changelog(), call.join(' '));
      assert.deepEqual(await mine.done(), await other.done(), call.join(' '));
      assert.deepEqual(
        (await readdir(join(mine.root, 'migrations'))).length,
        (await readdir(join(other.root, 'migrations'))).length,
      );
    }
    return mine;
  }

  for (const version of ['migrate-mongo', 'migrate-mongo12'] as const) {
    it(`does what ${version} does: up, status, down, down -b, and up again`, async () => {
      const project = await sameAs(theirs(version), {}, three, [
        ['status'],
        ['up'],
        ['up'],
        ['status'],
        ['down'],
        ['up'],
        ['down', '-b'],
        ['down', '-b'],
        ['status'],
      ]);
      assert.deepEqual(await project.changelog(), []);
      // There it is a TypeError; the code is the same.
      const nothing = await ours(project, 'down', '-b');
      assert.equal(nothing.code, 1);
      assert.match(nothing.err, /^ERROR: Could not migrate down: nothing is applied\./);
    });
  }

  it('stops at the first failure as it does, and goes on from there', async () => {
    const failing = { ...three, '2-b.js': migration('b', `throw new Error('no room');`) };
    await sameAs(theirs('migrate-mongo'), {}, failing, [
      ['up'],
      ['status'],
      (project) => project.write({ 'migrations/2-b.js': migration('b') }),
      ['up'],
      ['status'],
    ]);
  });

  it('says which files were migrated before a failure', async () => {
    const project = await create({}, { ...three, '2-b.js': 'module.exports = {};' });
    const ended = await ours(project, 'up');
    assert.equal(ended.code, 1);
    assert.match(ended.err, /^MIGRATED UP: 1-a\.js$/m);
    assert.match(ended.err, /^ERROR: Could not migrate up 2-b\.js: migration\.up is not a function/m);
  });

  it('waits for callbacks as migrate-mongo 12 does', async () => {
    const put = (what: string): string => `db.collection('done').insertOne({ what: '${what}' })`;
    const files = {
      '1-two.js': `module.exports = {
  up(db, next) { setTimeout(() => ${put('two')}.then(() => next(), next), 50); },
  down(db, next) { setTimeout(() => ${put('no two')}.then(() => next(), next), 50); } };`,
      '2-three.js': `exports.up = function (db, client, done_) { if (typeof client.db !== 'function') return done_(new Error('no client')); setTimeout(() => ${put('three')}.then(() => done_()), 50); };
exports.down = (db, client, cb = null) => { ${put('no three')}.then(() => cb()); };`,
      '3-other.js': `exports.up = async (db, client, options) => { await ${put('other')}; if (options !== undefined) throw new Error('given a third'); };
exports.down = async () => {};`,
      '4-fails.js': `exports.up = (db, callback) => { setTimeout(() => callback(new Error('refused')), 20); };`,
    };
    const [one, two, third] = [await create({}, files), await create({}, files), await create({}, files)];
    const twelve = theirs('migrate-mongo12');
    for (const call of [['up'], ['status'], ['down'], ['down']]) {
      const [a, b] = [await ours(one, ...call), await twelve(two, ...call)];
      assert.equal(a.code, b.code, `${call.join(' ')}: ${a.err} ${b.err}`);
      assert.deepEqual(await one.done(), await two.done());
      assert.deepEqual(await one.changelog(), await two.changelog());
      if (call[0] === 'up') assert.match(a.err, /Could not migrate up 4-fails\.js: refused/);
    }
    assert.deepEqual(await one.done(), ['two', 'three', 'other', 'no three']);
    // Our own commands on the same folder, too.
    const main = await bundleProgram();
    const env = { PATH: process.env['PATH'] };
    const child = spawn(process.execPath, [main.program, 'up', '--to', '2-three.js'], {
      cwd: third.root,
      env,
    });
    const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'close') as Promise<[number]>]);
    await main.remove();
    assert.equal(code, 0, err);
    assert.deepEqual(await third.done(), ['two', 'three']);
  });

  it('runs older files after newer ones, as it does', async () => {
    const { '2-b.js': middle, ...others } = three;
    await sameAs(theirs('migrate-mongo'), {}, others, [
      ['up'],
      (project) => project.write({ 'migrations/2-b.js': middle }),
      ['up'],
      ['down'],
      ['status'],
    ]);
  });

  it('fails in the same words', async () => {
    await sameAs(theirs('migrate-mongo'), { migrationFileExtension: 'js' }, three, [
      ['status'],
      ['create', 'x'],
    ]);
    const nothing = await create();
    await rm(join(nothing.root, 'migrations'), { recursive: true });
    const gone = await ours(nothing, 'status');
    assert.match(gone.err, /^ERROR: migrations directory does not exist: /);
    await sameAs(theirs('migrate-mongo'), { mongodb: {} }, three, [['up'], ['status']]);
    await sameAs(theirs('migrate-mongo'), {}, {}, [['create'], ['init']]);
    await rm(join(nothing.root, 'migrate-mongo-config.js'));
    const lost = await ours(nothing, 'up');
    assert.equal(lost.code, 1);
    assert.match(lost.err, /^ERROR: config file does not exist: /);
  });

  it('makes the files that it makes', async () => {
    const [mine, other] = [await create(), await create()];
    for (const project of [mine, other]) {
      await rm(join(project.root, 'migrations'), { recursive: true });
      await rm(join(project.root, 'migrate-mongo-config.js'));
    }
    for (const project of [mine, other]) {
      const tool = project === mine ? ours : theirs('migrate-mongo');
      const made = await tool(project, 'init');
      assert.equal(made.code, 0, made.err);
      assert.equal(
        made.out,
        'Initialization successful. Please edit the generated `migrate-mongo-config.js` file\n',
      );
      const created = await tool(project, 'create', 'add a status');
      assert.match(created.out, /^Created: migrations\/\d{14}-add_a_status\.js\n$/);
    }
    const config = async ({ root }: Project): Promise<unknown> => {
      const { default: value } = (await import(join(root, 'migrate-mongo-config.js'))) as {
        default: unknown;
      };
      return value;
    };
    assert.deepEqual(await config(mine), await config(other));
    const again = await ours(mine, 'init');
    assert.equal(again.code, 1);
    assert.match(again.err, /^ERROR: migrations directory already exists: /);
  });

  it('copies the sample of the folder, and never writes over a file of the same second', async () => {
    const project = await create({}, { 'sample-migration.js': '// our sample\nmodule.exports = {};' });
    const made = await Promise.all([ours(project, 'create', 'twice'), ours(project, 'create', 'twice')]);
    for (const { code, err } of made) assert.equal(code, 0, err);
    const files = (await readdir(join(project.root, 'migrations'))).filter((name) =>
      name.endsWith('-twice.js'),
    );
    assert.equal(files.length, 2);
    for (const name of files)
      assert.match(await readFile(join(project.root, 'migrations', name), 'utf8'), /^\/\/ our sample/);
  });

  it("gives the config's driver options to the clients of migrations, as both do", async function () {
    const files = {
      '1-a.js': `exports.up = async (db) => {
  await db.collection('done').insertOne({ what: 'a', gone: undefined, bytes: Buffer.from('x') });
  await db.collection('done').updateOne({ what: 'a' }, [{ $set: { big: { $toLong: '9007199254740993' } } }]);
  const [one] = await db.collection('done').find({ what: 'a' }).toArray();
  await db.collection('done').insertOne({ what: [typeof one.big, 'gone' in one, Buffer.isBuffer(one.bytes)].join() });
};
exports.down = async () => {};`,
    };
    const options = {
      ignoreUndefined: true,
      promoteLongs: false,
      promoteBuffers: true,
      useUnifiedTopology: true,
      serverApi: '1',
    };
    const mongodb = async (project: Project, given: object): Promise<void> => {
      const config = {
        mongodb: { url: project.uri, databaseName: project.db.databaseName, options: given },
        changelogCollectionName: 'changelog',
        moduleSystem: 'commonjs',
      };
      await project.write({ 'migrate-mongo-config.js': `module.exports = ${JSON.stringify(config)};` });
    };
    const [one, two] = [await create({}, files), await create({}, files)];
    await skipBelow(this, one.db, 5, 'serverApi, without which migrate-mongo fails here');
    await mongodb(one, options);
    const { useUnifiedTopology: _old, ...known } = options;
    await mongodb(two, known);
    const [a, b] = [await ours(one, 'up'), await theirs('migrate-mongo')(two, 'up')];
    assert.deepEqual(seen(a, one), seen(b, two), `${a.err} ${b.err}`);
    assert.deepEqual(await one.done(), await two.done());
    assert.deepEqual(await one.done(), ['a', 'object,false,true']);
    assert.match(a.err, /^WARNING: mongodb\.options\.serverApi has no effect on migrations\.$/m);

    await mongodb(one, { autoEncryption: { keyVaultNamespace: 'x.y' } });
    await one.write({
      'migrations/2-b.js': `exports.up = async (db) => db.collection('done').insertOne({ what: 'clear' });`,
    });
    const encrypting = await ours(one, 'up');
    assert.equal(encrypting.code, 1);
    assert.match(encrypting.err, /autoEncryption.* stored in the clear\. Nothing was run/);
    assert.equal((await ours(one, 'status')).code, 0);
    assert.equal((await one.done()).includes('clear'), false);
    await mongodb(one, { ca: ['PEM'] });
    const certificate = await ours(one, 'status');
    assert.equal(certificate.code, 1);
    assert.match(certificate.err, /mongodb\.options\.ca.*name that with tlsCAFile/);
  });

  it('takes ES modules, a Promise as config, JSON and TypeScript through -f, and another folder', async () => {
    const project = await create();
    const url = JSON.stringify(project.uri);
    const config = `{ mongodb: { url: ${url}, databaseName: '${project.db.databaseName}' }, changelogCollectionName: 'changelog', migrationsDir: 'migrations' }`;
    await project.write({
      'package.json': '{"type":"module"}',
      'conf.mjs': `export default Promise.resolve(${config});`,
      'conf.ts': `const config: { mongodb: object; changelogCollectionName: string } = ${config};\nexport default config;`,
      'conf.json': JSON.stringify({
        mongodb: { url: project.uri, databaseName: project.db.databaseName },
        changelogCollectionName: 'changelog',
      }),
      'other/1-a.js': `export const up = async (db) => { await db.collection('done').insertOne({ what: 'up a' }); };
export const down = async () => undefined;`,
    });
    for (const file of ['conf.mjs', 'conf.ts', 'conf.json']) {
      const up = await ours(project, 'up', '-f', file, '--migrations-dir', 'other');
      assert.deepEqual(up, { code: 0, out: 'MIGRATED UP: 1-a.js\n', err: '' }, file);
      const down = await ours(project, 'down', '-f', file, '--migrations-dir', 'other');
      assert.deepEqual(down, { code: 0, out: 'MIGRATED DOWN: 1-a.js\n', err: '' }, file);
    }
  });

  describe('with useFileHash', () => {
    const hashed = { useFileHash: true };

    it('agrees on states and rows', async () => {
      await sameAs(theirs('migrate-mongo'), hashed, three, [['up'], ['status'], ['down'], ['status']]);
    });

    it('runs an edited file again, and keeps one row of it', async () => {
      const project = await create(hashed, three);
      assert.equal((await theirs('migrate-mongo')(project, 'up')).code, 0);
      await project.write({ 'migrations/2-b.js': migration('b, edited') });
      const again = await ours(project, 'up');
      assert.deepEqual(again, { code: 0, out: 'MIGRATED UP: 2-b.js\n', err: '' });
      assert.equal((await project.changelog()).length, 3);
      const theirStatus = await theirs('migrate-mongo')(project, 'status');
      assert.doesNotMatch(theirStatus.out, /PENDING/);
      assert.deepEqual(await project.done(), ['up a', 'up b', 'up c', 'up b, edited']);
    });

    it('does not run again what was applied before hashes were asked for, and says so', async () => {
      const project = await create({}, three);
      assert.equal((await theirs('migrate-mongo')(project, 'up')).code, 0);
      const text = await readFile(join(project.root, 'migrate-mongo-config.js'), 'utf8');
      await project.write({ 'migrate-mongo-config.js': text.replace('{', '{"useFileHash":true,') });
      const up = await ours(project, 'up');
      assert.equal(up.code, 0, up.err);
      assert.equal(up.out, '');
      assert.match(up.err, /^WARNING: 3 applied migrations have no hash/);
      assert.deepEqual(await project.done(), ['up a', 'up b', 'up c']);
    });
  });

  describe('with a lock', () => {
    const locking = { lockCollectionName: 'changelog_lock', lockTtl: 60 };

    it('is refused by a lock, in the same words, and leaves it there', async () => {
      await sameAs(theirs('migrate-mongo'), locking, three, [
        ['up'],
        async ({ db }) => void (await db.collection('changelog_lock').insertOne({ createdAt: new Date() })),
        ['up'],
        ['down'],
      ]);
    });

    it('keeps migrate-mongo out while it is at work, and gives the lock back', async () => {
      const wait = `await db.collection('started').insertOne({});
        while (!(await db.collection('go').findOne({}))) await new Promise((resolve) => setTimeout(resolve, 20));`;
      const project = await create(locking, { '1-a.js': migration('a', wait) });
      const running = ours(project, 'up');
      while (!(await project.db.collection('started').findOne({})))
        await new Promise((resolve) => setTimeout(resolve, 20));
      const other = await theirs('migrate-mongo')(project, 'up');
      assert.equal(other.code, 1);
      assert.match(other.err, /Could not migrate up, a lock is in place\./);
      const second = await ours(project, 'up');
      assert.equal(second.code, 1);
      assert.match(second.err, /Could not migrate up, a lock is in place\./);
      await project.db.collection('go').insertOne({});
      assert.equal((await running).code, 0);
      assert.deepEqual(await project.db.collection('changelog_lock').find({}).toArray(), []);
      assert.equal((await theirs('migrate-mongo')(project, 'up')).code, 0);
    });

    it('works beside an index with another limit', async () => {
      const project = await create(locking, three);
      await project.db.collection('changelog_lock').createIndex({ createdAt: 1 }, { expireAfterSeconds: 5 });
      const up = await ours(project, 'up');
      assert.equal(up.code, 0, up.err);
      assert.equal((await project.changelog()).length, 3);
    });
  });

  it('takes turns with migrate-mongo on one changelog', async () => {
    const project = await create({}, three);
    const tools: Tool[] = [ours, theirs('migrate-mongo'), theirs('migrate-mongo12')];
    for (let turn = 0; turn < 6; turn++) {
      const [first, second, third] = [0, 1, 2].map((at) => tools[(turn + at) % 3]!) as [Tool, Tool, Tool];
      assert.equal((await first(project, 'up')).code, 0);
      assert.equal((await second(project, 'up')).out, '');
      assert.equal(new Set(await project.blocks()).size, 1);
      assert.equal((await second(project, 'down')).out, 'MIGRATED DOWN: 3-c.js\n');
      assert.equal(
        (await third(project, 'down', '-b')).out,
        'MIGRATED DOWN: 2-b.js\nMIGRATED DOWN: 1-a.js\n',
      );
      assert.deepEqual(await project.changelog(), []);
    }
  });

  it('reads rows with dates that are text', async () => {
    const project = await create({}, three);
    await project.db.collection('changelog').insertOne({ fileName: '1-a.js', appliedAt: '2020-01-01' });
    const status = await ours(project, 'status');
    assert.equal(status.code, 0, status.err);
    assert.match(status.out, /2020-01-01/);
    assert.deepEqual((await ours(project, 'up')).out, 'MIGRATED UP: 2-b.js\nMIGRATED UP: 3-c.js\n');
  });

  it('leaves the lock and the extension to the config in `migratory` too', async () => {
    const lock = { lockCollectionName: 'changelog_lock', lockTtl: 60, migrationFileExtension: '.cjs' };
    const project = await create(lock, {
      '1-a.cjs': migration('a').replace('arguments.length !== 2', 'false'),
      '2-b.js': '',
    });
    const { program, remove: removeProgram } = await bundleProgram();
    try {
      await project.db.collection('changelog_lock').insertOne({ createdAt: new Date() });
      const refused = await runNode(program, project.root, ['up']);
      assert.equal(refused.code, 4, refused.err);
      assert.match(refused.err, /A lock of migrate-mongo is in place/);
      await project.db.collection('changelog_lock').deleteMany({});
      const up = await runNode(program, project.root, ['up']);
      assert.equal(up.code, 0, up.err);
      assert.deepEqual(await project.changelog(), [{ fileName: '1-a.cjs' }]);
      assert.equal((await theirs('migrate-mongo')(project, 'down')).out, 'MIGRATED DOWN: 1-a.cjs\n');
    } finally {
      await removeProgram();
    }
  });

  it('never shows the connection string', async () => {
    const secret = 'pa55w0rd-of-nobody';
    const project = await create(
      { mongodb: { url: `mongodb://root:${secret}@127.0.0.1:1/?serverSelectionTimeoutMS=300` } },
      three,
    );
    const { code, out, err } = await ours(project, 'up');
    assert.equal(code, 1);
    assert.ok(!`${out}${err}`.includes(secret), err);
  });
});
