// Projects that have a driver of their own, whose migrations open clients by themselves.
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
