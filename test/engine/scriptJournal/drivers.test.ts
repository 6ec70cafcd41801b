// The client that scripts are given, of every driver that a project can have: journaled, undone, redirected.
import assert from 'node:assert/strict';
import { guardedServer, replicaSet, tlsServer, type TestServer } from '../../support/server';
import type { Project } from '../helpers/project';
import {
  changes,
  everything,
  expectChanges,
  expectReport,
  majors,
  type Packages,
  projectWith,
  seed,
} from '../ownClients/project';

/** Fails unless it was given a client of that major. */
const ofMajor = (major: string): string => `
  if (require('mongodb/package.json').version.split('.')[0] !== '${major}') throw new Error('another driver');
  if (!(client instanceof require('mongodb').MongoClient)) throw new Error('another MongoClient');`;

const throughMongoose = `
  const mongoose = require('mongoose');
  const connection = mongoose.createConnection().setClient(client).useDb(db.databaseName);
  const goose = connection.db;
  const schema = new mongoose.Schema({ _id: Number, n: Number }, { autoIndex: false });
  const Person = connection.model('Person', schema, 'people');
  const found = await Person.findById(20);
  found.n = 2000;
  await found.save();
  await Person.updateOne({ _id: 20 }, { $set: { n: 20 } });`;

const cases: [name: string, packages: Packages, up: string][] = [
  ...majors.map(([major, mongodb]): [string, Packages, string] => [
    `driver ${major}`,
    { mongodb },
    `${ofMajor(major)}${changes('db')}`,
  ]),
  [
    'Mongoose',
    { mongoose: 'mongoose', mongodb: 'mongoose/node_modules/mongodb' },
    `${throughMongoose}${changes('goose')}`,
  ],
];

describe('the client that a script is given', function () {
  this.timeout(60_000);
  let project: Project;
  afterEach(async () => {
    await project.close();
  });

  async function withUp(
    packages: Packages,
    up: string,
    server: Promise<TestServer> = replicaSet(),
  ): Promise<string> {
    const file = `exports.up = async (db, client, ctx) => {${up}\n};`;
    project = await projectWith(packages, () => ({ '1-given.js': file }), server);
    await seed(project);
    return everything(project.db);
  }

  async function expectUndone(before: string): Promise<void> {
    const { exitCode, run } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    await expectChanges(project);
    const back = await project.run({ mode: 'down' });
    assert.equal(back.exitCode, 0, JSON.stringify(back.run.error));
    assert.equal(await everything(project.db), before);
  }

  async function expectRehearsed(before: string): Promise<void> {
    const { exitCode, run } = await project.run({ mode: 'dry-run' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    assert.equal(await everything(project.db), before);
    expectReport(project);
  }

  for (const [name, packages, up] of cases) {
    it(`is journaled and undone without a down: ${name}`, async () => {
      await expectUndone(await withUp(packages, up));
    });

    it(`changes nothing in a dry run: ${name}`, async () => {
      await expectRehearsed(await withUp(packages, up));
    });
  }

  for (const [how, server] of [
    ['over TLS', tlsServer],
    ['as a user with a password', guardedServer],
  ] as [string, () => Promise<TestServer>][]) {
    for (const [name, packages, up] of cases) {
      it(`is rehearsed, journaled and undone ${how}: ${name}`, async () => {
        const before = await withUp(packages, up, server());
        await expectRehearsed(before);
        await expectUndone(before);
      });
    }
  }

  for (const [major, mongodb] of majors) {
    it(`hears of changes under the real names in a dry run: driver ${major}`, async () => {
      const before = await withUp(
        { mongodb },
        `
        const stream = db.collection('people').watch();
        const first = stream.next();
        // The stream begins with its first reply, so write until something was heard.
        const writing = setInterval(() => db.collection('people').insertOne({}).catch(() => undefined), 30);
        const event = await first;
        clearInterval(writing);
        await stream.close();
        ctx.log.info(JSON.stringify({ ns: event.ns, expected: { db: db.databaseName, coll: 'people' } }));`,
      );
      const { exitCode, run } = await project.run({ mode: 'dry-run' });
      assert.equal(exitCode, 0, JSON.stringify(run.error));
      const heard = project.ofType('log').find(({ message }) => message.startsWith('{"ns"'));
      const { ns, expected } = JSON.parse(heard?.message ?? '{}') as { ns: unknown; expected: unknown };
      assert.equal((ns as { db: string }).db, project.db.databaseName);
      assert.deepEqual(ns, expected);
      assert.equal(await everything(project.db), before);
    });

    it(`writes without waiting for an answer: driver ${major}`, async () => {
      const unacknowledged = `
        const quick = db.collection('people', { writeConcern: { w: 0 } });
        await quick.insertOne({ _id: 'quick' });
        await quick.updateOne({ _id: 3 }, { $set: { quick: true } });
        await quick.deleteOne({ _id: 4 });
        // Other connections may overtake them: wait for each.
        const slow = db.collection('people');
        const deadline = Date.now() + 10000;
        while (Date.now() < deadline) {
          const left = await slow.countDocuments({ _id: 4 });
          const made = await slow.countDocuments({ $or: [{ _id: 'quick' }, { _id: 3, quick: true }] });
          if (left === 0 && made === 2) return;
        }
        throw new Error('the writes did not come');`;
      const before = await withUp({ mongodb }, unacknowledged);
      const dry = await project.run({ mode: 'dry-run' });
      assert.equal(dry.exitCode, 0, JSON.stringify(dry.run.error));
      assert.equal(await everything(project.db), before);
      const { exitCode, run } = await project.run({ mode: 'up' });
      assert.equal(exitCode, 0, JSON.stringify(run.error));
      assert.equal(await project.rows('people').countDocuments({ _id: 'quick' }), 1);
      const back = await project.run({ mode: 'down' });
      assert.equal(back.exitCode, 0, JSON.stringify(back.run.error));
      assert.equal(await everything(project.db), before);
    });
  }
});
