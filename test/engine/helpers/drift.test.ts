// Files that changed or went after they were applied: rolling back with what was applied, accepting, running anew.
import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rerun } from '../../../src/engine/execute';
import { markMigration } from '../../../src/engine/recovery';
import { Project } from './project';

const script = (value: string): string => `import { suffix } from './lib/suffix.js';
export const up = (db) => db.collection('notes').insertOne({ _id: 1, text: '${value}' + suffix });
export const down = async (db) => {
  const { deletedCount } = await db.collection('notes').deleteOne({ text: '${value}' + suffix });
  if (deletedCount !== 1) throw new Error('nothing here is called ${value}');
};`;
const transform = (field: string): string => `export default {
  source: 'people',
  transform: () => ({ $set: { ${field}: true } }),
  revert: () => ({ $unset: { ${field}: '' } }),
};`;

async function withLibrary(files: Record<string, string>): Promise<Project> {
  const project = await Project.create(files);
  await mkdir(join(project.root, 'migrations', 'lib'));
  await writeFile(join(project.root, 'package.json'), '{"type":"module"}');
  await writeFile(join(project.root, 'migrations', 'lib', 'suffix.js'), "export const suffix = '!';");
  await project.rows('people').insertMany([{ _id: 1 }, { _id: 2 }]);
  return project;
}

describe('drift', function () {
  this.timeout(60_000);
  let project: Project;
  afterEach(() => project.close());

  const said = (): string[] => project.ofType('log').map(({ message }) => message);

  it('is rolled back with the version that was applied', async () => {
    project = await withLibrary({ '1-note.js': script('old'), '2-flag.ts': transform('old') });
    assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
    await project.write({ '1-note.js': script('new'), '2-flag.ts': transform('fresh') });
    assert.deepEqual(await project.states(), { '1-note.js': 'changed', '2-flag.ts': 'changed' });
    const { run, exitCode } = await project.run({ mode: 'down', steps: 2 });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    assert.equal(said().filter((line) => /applied is rolled back.*changed since/.test(line)).length, 2);
    assert.deepEqual(await project.rows('people').find({}).toArray(), [{ _id: 1 }, { _id: 2 }]);
    assert.equal(await project.rows('notes').countDocuments(), 0);
    assert.deepEqual(await project.states(), { '1-note.js': 'pending', '2-flag.ts': 'pending' });
    assert.deepEqual((await readdir(join(project.root, 'migrations'))).toSorted(), [
      '1-note.js',
      '2-flag.ts',
      'lib',
    ]);
  });

  it('is rolled back although the file is gone', async () => {
    project = await withLibrary({ '1-note.js': script('old'), '2-flag.ts': transform('old') });
    assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
    await project.remove('1-note.js');
    await project.remove('2-flag.ts');
    assert.deepEqual(await project.states(), { '1-note.js': 'missing', '2-flag.ts': 'missing' });
    const { run, exitCode } = await project.run({ mode: 'down', names: ['1-note.js', '2-flag.ts'] });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    assert.match(said().join('\n'), /its file is gone/);
    assert.deepEqual(await project.states(), {});
    assert.equal(await project.rows('notes').countDocuments(), 0);
  });

  it('says so when neither a file nor a source is left', async () => {
    project = await withLibrary({});
    await project.db
      .collection('_migrations')
      .insertOne({ name: '1-old.js', appliedAt: new Date(), durationMs: 1 });
    await assert.rejects(project.run({ mode: 'down' }), {
      name: 'UserError',
      message: /"1-old.js" is gone, and the ledger keeps no copy/,
    });
    assert.deepEqual(await project.states(), { '1-old.js': 'missing' });
  });

  it('refuses to run a changed one again, naming both ways, which both work', async () => {
    project = await withLibrary({ '1-note.js': script('old') });
    assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
    const row = await project.db.collection('_migrations').findOne({ name: '1-note.js' });
    await project.write({ '1-note.js': script('new') });
    await assert.rejects(
      project.run({ mode: 'up', names: ['1-note.js'] }),
      /migratory mark 1-note.js --applied\).*migratory rerun 1-note.js/,
    );
    const { connection, set, settings } = project;
    const options = { connection, set, settings, program: 'test', hooks: {}, switch: project.switch };
    const result = await rerun(options, '1-note.js');
    assert.equal(result.exitCode, 0, JSON.stringify(result.run.error));
    assert.deepEqual(await project.rows('notes').find({}).toArray(), [{ _id: 1, text: 'new!' }]);
    assert.deepEqual(await project.states(), { '1-note.js': 'applied' });

    await project.write({ '1-note.js': script('newest') });
    assert.equal(await markMigration(project, '1-note.js', 'applied'), 'accepted');
    assert.deepEqual(await project.states(), { '1-note.js': 'applied' });
    assert.deepEqual(await project.rows('notes').find({}).toArray(), [{ _id: 1, text: 'new!' }]);
    const accepted = await project.db.collection('_migrations').findOne({ name: '1-note.js' });
    assert.notEqual(accepted?.['checksum'], row?.['checksum']);
    assert.equal(typeof accepted?.['run'], 'string');
    await assert.rejects(markMigration(project, '1-note.js', 'applied'), /applied already/);
  });
});
