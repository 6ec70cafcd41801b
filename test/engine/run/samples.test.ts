// The sample workspace as the demo shows it: every migration of it on the documents of the demo, forward and back.
import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../../../tools/build';
import { loadDemoData } from '../../../tools/data';
import { dbHash } from '../../support/bytes';
import { replicaSet } from '../../support/server';
import { Project } from '../helpers/project';

describe('the sample workspace', function () {
  this.timeout(120_000);
  let project: Project;

  before(async () => {
    project = await Project.create({});
    await cp(join(root, 'samples', 'shop', 'migrations'), join(project.root, 'migrations'), {
      recursive: true,
    });
    await loadDemoData((await replicaSet()).uri, project.db.databaseName);
    // A few thousand of the cities: how long a migration takes is not what is tried here. They are copied, since
    // $sample is slow where most of a collection was deleted a moment ago.
    const large = [{ $match: { population: { $gte: 100_000 } } }, { $out: 'cities' }];
    await project.db.collection('cities').aggregate(large).toArray();
  });
  after(() => project.close());

  /** Hashes of what the demo has loaded, and the names of all indexes. */
  async function data(): Promise<unknown> {
    const { movies, cities, customers } = await dbHash(project.db);
    return { movies, cities, customers, indexes: [await indexes('movies'), await indexes('cities')] };
  }

  const count = (collection: string, filter: object): Promise<number> =>
    project.db.collection(collection).countDocuments(filter);

  async function indexes(collection: string): Promise<string[]> {
    const found = await project.db.collection(collection).indexes();
    return found.map(({ name = '' }) => name).filter((name) => name !== '_id_');
  }

  async function up(name: string): Promise<void> {
    const { run, exitCode } = await project.run({ mode: 'up', names: [name] });
    assert.equal(exitCode, 0, `${name}: ${JSON.stringify(run.error)}`);
    assert.equal((await project.states())[name], 'applied');
    const found = run.steps.flatMap(({ checks }) => checks).filter(({ outcome }) => outcome === 'failed');
    assert.deepEqual(found, [], 'a sample gives no reason to warn');
  }

  /** Applies them one by one, looks, and rolls them back one by one: every byte and every index is as before. */
  async function forthAndBack(names: string[], look: () => Promise<void>): Promise<void> {
    const before = await data();
    for (const name of names) await up(name);
    await look();
    for (const name of names.toReversed()) {
      const { run, exitCode } = await project.run({ mode: 'down', names: [name] });
      assert.equal(exitCode, 0, `${name}: ${JSON.stringify(run.error)}`);
    }
    assert.deepEqual(await data(), before);
    assert.equal(await count('_migrations', {}), 0);
  }

  it('sets a default value and an index, and takes both back', () =>
    forthAndBack(['20240101090000-movie-defaults.js'], async () => {
      assert.equal(await count('movies', { stock: 0 }), 3201);
      assert.deepEqual(await indexes('movies'), ['genre_stock']);
    }));

  it('splits names behind a cursor in thousands, and puts them together by an update pipeline', () =>
    forthAndBack(['20240115090000-split-customer-names.js'], async () => {
      assert.equal(await count('customers', { name: { $type: 'string' } }), 0);
      assert.equal(await count('customers', { name: { first: 'Francis Ford', last: 'Coppola' } }), 1);
      const said = project.ofType('log').map(({ message }) => message);
      assert.ok(said.includes('5000 names split'), said.join());
    }));

  it('runs three out of one file, each by itself', () =>
    forthAndBack(['cities-nearby', 'cities-size', 'cities-by-country'], async () => {
      assert.deepEqual(await indexes('cities'), ['loc_2dsphere', 'country_population']);
      assert.equal(await count('cities', { size: { $nin: ['city', 'metropolis'] } }), 0);
      assert.ok((await count('cities', { size: 'metropolis' })) > 100);
    }));

  it('turns text into dates document by document, with a journal for the way back', () =>
    forthAndBack(['20240301090000-release-dates.js'], async () => {
      assert.equal(await count('movies', { 'Release Date': { $type: 'date' } }), 3201);
      const [movie] = await project.exactly('movies', { Title: 'The Land Girls' });
      assert.deepEqual(movie?.['Release Date'], new Date('1998-06-12T00:00:00Z'));
    }));

  it('is written in TypeScript, too', () =>
    forthAndBack(['20240315090000-movie-profit.ts'], async () => {
      const figures = { 'Worldwide Gross': { $type: 'number' }, 'Production Budget': { $type: 'number' } };
      const sum = { $subtract: ['$Worldwide Gross', '$Production Budget'] };
      const right = await count('movies', { ...figures, $expr: { $eq: ['$profit', sum] } });
      assert.equal(right, await count('movies', figures));
      assert.equal(await count('movies', { profit: { $exists: true } }), right);
    }));

  it('has one that fails half-way, named with its line, and nothing of it is left', async () => {
    const before = await data();
    const name = '20240401090000-age-limits.js';
    const { run, exitCode } = await project.run({ mode: 'up', names: [name] });
    assert.equal(exitCode, 1);
    assert.equal(run.error?.message, 'No age limit is known for the rating "Open"');
    assert.deepEqual([run.error.file, run.error.line], [join(project.root, 'migrations', name), 8]);
    assert.equal(run.steps[0]?.processed, 181);
    assert.deepEqual(await data(), before);
    assert.equal((await project.states())[name], 'failed');
  });

  it('has one that cannot be taken back, and says why', async () => {
    const name = '20240415090000-drop-dvd-sales.js';
    await up(name);
    assert.equal(await count('movies', { 'US DVD Sales': { $exists: true } }), 0);
    const changed = await data();
    const { run, exitCode } = await project.run({ mode: 'down', names: [name] });
    assert.equal(exitCode, 1);
    assert.match(run.error?.message ?? '', /is marked irreversible: The sales figures are not kept/);
    assert.deepEqual(await data(), changed);
    assert.equal((await project.states())[name], 'applied');
  });
});
