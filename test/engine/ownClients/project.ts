// Projects that have a driver of their own, whose migrations open clients by themselves.
import assert from 'node:assert/strict';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Db } from 'mongodb';
import type { TestServer } from '../../support/server';
import { Project } from '../helpers/project';

/** Packages of this repository, under the name by which a project asks for them. */
export type Packages = Partial<Record<'mongodb' | 'mongoose', string>>;

const installed = fileURLToPath(new URL('../../../node_modules/', import.meta.url));

export async function projectWith(
  packages: Packages,
  files: (uri: string) => Record<string, string>,
  server: Promise<TestServer>,
): Promise<Project> {
  const project = await Project.create({}, server);
  await mkdir(join(project.root, 'node_modules'));
  for (const [name, from] of Object.entries(packages))
    await symlink(join(installed, from), join(project.root, 'node_modules', name), 'junction');
  await project.write(files(project.connection.target.uri));
  return project;
}

/** The driver's majors, and the packages of this repository that are them. */
export const majors: readonly [major: string, mongodb: string][] = [
  ['4', 'mongodb4'],
  ['5', 'mongodb5'],
  ['6', 'mongodb6'],
  ['7', 'mongodb'],
];

/** Code that does to documents and catalogue what a driver can, with the Db of that name. */
export function changes(db: string): string {
  return `
    const people = ${db}.collection('people');
    await people.insertMany([{ _id: 100 }, { _id: 101 }]);
    await people.updateMany({ _id: { $lt: 10 } }, { $set: { seen: true } });
    await people.updateOne({ _id: 11 }, { $inc: { n: 1 } });
    await people.deleteOne({ _id: 12 });
    await people.replaceOne({ _id: 13 }, { other: 1 });
    await people.findOneAndUpdate({ _id: 14 }, { $unset: { n: '' } });
    await people.bulkWrite([{ deleteOne: { filter: { _id: 15 } } }, { insertOne: { document: { _id: 15, again: 1 } } }]);
    await people.createIndex({ n: 1 });
    await ${db}.collection('made').insertOne({ _id: 1 });
    await ${db}.collection('dropped').drop();`;
}

/** What these changes are made to. */
export async function seed(project: Project): Promise<void> {
  await project.rows('dropped').insertOne({ _id: 1, kept: true });
  await project.rows('people').insertMany(Array.from({ length: 30 }, (_, i) => ({ _id: i, n: i })));
}

export async function expectChanges({ db }: Project): Promise<void> {
  const people = db.collection('people');
  assert.equal(await people.countDocuments({ seen: true }), 10);
  assert.equal(await people.countDocuments(), 31);
  assert.equal((await people.indexes()).length, 2);
  assert.equal(await db.collection('made').countDocuments(), 1);
  assert.deepEqual(await db.listCollections({ name: 'dropped' }).toArray(), []);
}

/** The same in the report of a dry run. */
export function expectReport(project: Project): void {
  const [{ report } = assert.fail('no report')] = project.ofType('report');
  const people = report.collections.find(({ collection }) => collection === 'people');
  assert.deepEqual([people?.changed, people?.inserted, people?.deleted], [14, 2, 1]);
  assert.equal(report.commands['insert'], 3);
}

/** One text for what a server holds, but what is ours: hashes, indexes and options of each database. */
export async function everything(db: Db): Promise<string> {
  const admin = db.client.db('admin');
  const { databases } = await admin.admin().listDatabases({ nameOnly: true });
  const found: unknown[] = [];
  for (const { name } of databases.filter(({ name }) => !['admin', 'config', 'local'].includes(name))) {
    const database = db.client.db(name);
    const { collections } = await database.command({ dbHash: 1 });
    const hashes = Object.entries(collections as Record<string, string>).filter(
      ([each]) => !each.startsWith('_migrat'),
    );
    for (const [collection, hash] of hashes) {
      const indexes = await database.collection(collection).listIndexes().toArray();
      const names = indexes.map((index) => String(index['name'])).toSorted();
      found.push([name, collection, hash, names]);
    }
  }
  return JSON.stringify(found, null, 1);
}
