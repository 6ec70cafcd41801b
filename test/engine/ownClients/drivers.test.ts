// A client that a script opens by itself, of every driver: led through the same door as the one that it is given.
import assert from 'node:assert/strict';
import { replicaSet } from '../../support/server';
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
} from './project';

interface Case {
  name: string;
  packages: Packages;
  /** Code that makes `open(uri)`, which gives a Db of the uri's database, and `close()`. */
  prelude: string;
}

const ofDriver = `
  const { MongoClient } = require('mongodb');
  let client;
  const open = async (uri) => (client = await new MongoClient(uri).connect()).db();
  const close = () => client.close();`;
const atTop = (uri: string): string => `
  const { MongoClient } = require('mongodb');
  const client = new MongoClient(${JSON.stringify(uri)});
  (globalThis.leftOpen ??= []).push(client);
  const ready = client.connect();
  const open = async () => (await ready).db();
  const close = () => undefined;`;

const cases: Case[] = [
  ...majors.map(([major, mongodb]) => ({
    name: `driver ${major}`,
    packages: { mongodb },
    prelude: ofDriver,
  })),
  {
    name: 'Mongoose, by createConnection',
    packages: { mongoose: 'mongoose' },
    prelude: `
      const mongoose = require('mongoose');
      let own;
      const open = async (uri) => (own = await mongoose.createConnection(uri).asPromise()).db;
      const close = () => own.close();`,
  },
  {
    name: 'Mongoose, by connect',
    packages: { mongoose: 'mongoose', mongodb: 'mongodb6' },
    prelude: `
      const mongoose = require('mongoose');
      const open = async (uri) => (await mongoose.connect(uri)).connection.db;
      const close = () => mongoose.disconnect();`,
  },
];

const up = (uri: string): string => `
  exports.up = async () => {
    const own = await open(${JSON.stringify(uri)});
    try {
      ${changes('own')}
    } finally {
      await close();
    }
  };`;

describe("a script's own client", function () {
  this.timeout(60_000);
  let project: Project;
  afterEach(async () => {
    const { leftOpen = [] } = globalThis as { leftOpen?: { close(): Promise<void> }[] };
    for (const client of leftOpen.splice(0)) await client.close();
    await project.close();
  });

  const whole: [string, Packages, (uri: string) => string][] = [
    ...cases.map(({ name, packages, prelude }): [string, Packages, (uri: string) => string] => [
      name,
      packages,
      () => prelude,
    ]),
    ['driver 4, opened at the top of the module', { mongodb: 'mongodb4' }, atTop],
    ['driver 7, opened at the top of the module', { mongodb: 'mongodb' }, atTop],
  ];
  for (const [name, packages, prelude] of whole) {
    it(`is journaled, counted and undone without a down: ${name}`, async () => {
      project = await projectWith(packages, (uri) => ({ '1-own.js': prelude(uri) + up(uri) }), replicaSet());
      await seed(project);
      const before = await everything(project.db);
      const { exitCode, run } = await project.run({ mode: 'up' });
      assert.equal(exitCode, 0, JSON.stringify(run.error));
      await expectChanges(project);
      assert.ok((run.steps[0]?.processed ?? 0) >= 16, `processed ${run.steps[0]?.processed}`);
      const back = await project.run({ mode: 'down' });
      assert.equal(back.exitCode, 0, JSON.stringify(back.run.error));
      assert.equal(await everything(project.db), before);
    });

    it(`changes nothing in a dry run, and is reported: ${name}`, async () => {
      project = await projectWith(packages, (uri) => ({ '1-own.js': prelude(uri) + up(uri) }), replicaSet());
      await seed(project);
      const before = await everything(project.db);
      const { exitCode, run } = await project.run({ mode: 'dry-run' });
      assert.equal(exitCode, 0, JSON.stringify(run.error));
      assert.equal(await everything(project.db), before);
      expectReport(project);
    });
  }
});
