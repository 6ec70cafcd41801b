// Whatever a script does in a dry run, and whatever becomes of it: the real databases stay byte for byte what they were,
// with their indexes and options, and nothing of the scratch databases is left.
import assert from 'node:assert/strict';
import { BSON, type Db, type MongoClient } from 'mongodb';
import type { MigrationContext } from '../../../src/migration/kinds';
import { dbHash } from '../../support/bytes';
import { replicaSet, standalone, type TestServer } from '../../support/server';
import { describe as inWords, Stage } from '../harness/stage';
import { wildScripts, type WildScript } from './wildScripts';

async function seed(db: Db): Promise<void> {
  const documents = Array.from({ length: 40 }, (_, n) => ({
    _id: n as never,
    n,
    tags: [{ t: n }, { t: -n }],
  }));
  await db.collection('rows').insertMany(documents);
  await db.collection('rows').createIndex({ n: 1 });
  await db.createCollection('people', { collation: { locale: 'en' }, validator: { n: { $exists: true } } });
  await db.collection('people').insertMany(documents);
  await db.createCollection('seen', { viewOn: 'rows', pipeline: [] });
}

/** Everything that can be seen of the user databases of a server: names, options, indexes and hashes. */
async function everything(client: MongoClient): Promise<string[]> {
  const { databases } = await client.db('admin').admin().listDatabases({ nameOnly: true });
  const lines: string[] = [];
  for (const { name } of databases) {
    const db = client.db(name);
    // Beside a hash of what the server itself writes all the time, no collection of its own databases may be new.
    const isServers = ['admin', 'config', 'local'].includes(name);
    const infos = await db.listCollections().toArray();
    for (const info of infos) {
      if (isServers && info.name !== 'migratory_test' && name !== 'admin') continue;
      lines.push(`${name} ${BSON.EJSON.stringify(info, { relaxed: false })}`);
      if (info.type === 'view' || isServers) continue;
      for (const index of await db.collection(info.name).listIndexes().toArray())
        lines.push(`${name} ${info.name} ${BSON.EJSON.stringify(index, { relaxed: false })}`);
    }
    if (!isServers) lines.push(`${name} ${JSON.stringify(await dbHash(db))}`);
  }
  const { users } = await client.db('admin').command({ usersInfo: { forAllDBs: true } });
  return [...lines.toSorted(), `users ${(users as unknown[]).length}`];
}

async function rehearse(server: TestServer, script: WildScript): Promise<string> {
  const { db, name, uri } = await server.database('wild');
  const other = db.client.db(`${name}_other`);
  await Promise.all([seed(db), seed(other)]);
  const late: Promise<unknown>[] = [];
  let entered = 0;
  const up = (given: Db, client: MongoClient, ctx: MigrationContext): unknown => {
    entered += 1;
    const later = (work: Promise<unknown>): void => void late.push(work.catch(() => undefined));
    return script({ db: given, client, ctx, other: client.db(other.databaseName), later });
  };
  const stage = await Stage.at(uri, [{ up, down: up }]);
  try {
    const before = await everything(db.client);
    const result = await stage.run({ mode: 'dry-run', names: stage.names });
    assert.ok(entered > 0, `the script never ran: ${inWords(result)}`);
    assert.deepEqual(await everything(db.client), before, 'when the dry run had ended');
    for (const work of late) await work;
    assert.deepEqual(await everything(db.client), before, 'when the script had come to rest');
    return inWords(result);
  } finally {
    await stage.close();
    await Promise.all([db.dropDatabase(), other.dropDatabase()]);
  }
}

const servers: [string, () => Promise<TestServer>, string[]][] = [
  ['a replica set', () => replicaSet(), Object.keys(wildScripts)],
  [
    'a standalone',
    () => standalone(),
    ['writes in every way', '$out', 'a loop that goes on behind its back'],
  ],
];

for (const [on, server, names] of servers) {
  describe(`a dry run on ${on} leaves everything as it was`, function () {
    this.timeout(60_000);
    for (const name of names) {
      it(name, async () => {
        console.log(`      ${await rehearse(await server(), wildScripts[name]!)}`);
      });
    }
  });
}
