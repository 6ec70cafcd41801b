// Clients that a Python migration opens by itself: to the run's own cluster they go through the door, to others they
// are a warning, and refused in a dry run.
import assert from 'node:assert/strict';
import { offerPymongo } from '../../../tools/python/pymongo';
import { guardedServer, standalone, tlsServer, type TestServer } from '../../support/server';
import { skip } from '../../support/skip';
import { Project } from '../helpers/project';
import { everything, seed } from '../ownClients/project';

describe('own clients of Python migrations', function () {
  this.timeout(120_000);
  let project: Project;
  before(offerPymongo);
  afterEach(() => project.close());

  const start = async (
    text: (uri: string, database: string) => string,
    server?: Promise<TestServer>,
  ): Promise<void> => {
    project = await Project.create({}, server);
    const { uri, database } = project.connection.target;
    await project.write({ '1-own.py': text(uri, database) });
    await seed(project);
  };
  /** A dry run leaves everything as it is, up changes, and the journal leads back. */
  const expectKept = async (): Promise<void> => {
    const before = await everything(project.db);
    const dry = await project.run({ mode: 'dry-run' });
    assert.equal(dry.exitCode, 0, JSON.stringify(dry.run.steps));
    assert.equal(await everything(project.db), before);
    const up = await project.run({ mode: 'up' });
    assert.equal(up.exitCode, 0, JSON.stringify(up.run.steps));
    assert.equal(await project.rows('people').countDocuments({ own: true }), 30);
    const down = await project.run({ mode: 'down' });
    assert.equal(down.exitCode, 0, JSON.stringify(down.run.steps));
    assert.equal(await everything(project.db), before);
    assert.deepEqual(
      project.ofType('log').filter(({ level }) => level !== 'info'),
      [],
    );
  };

  it('opened at the top of a file are led, in a dry run, up and down', async () => {
    await start(
      (uri, database) => `
from pymongo import MongoClient
client = MongoClient('${uri}', appname='my own application')

def up(db):
    client['${database}'].people.update_many({}, {'$set': {'own': True}})
`,
    );
    await expectKept();
  });

  it('opened by the address that the given client says are led, not sent away at the door', async () => {
    await start(
      (_, database) => `
import pymongo

def up(db):
    pymongo.MongoClient(*db.client.address)['${database}'].people.update_many({}, {'$set': {'own': True}})
`,
    );
    await expectKept();
  });

  it('opened by host and port, by a subclass, and asynchronously are led too', async () => {
    await start((uri, database) => {
      const { hostname, port } = new URL(uri);
      return `
import asyncio
import pymongo

class Mine(pymongo.MongoClient):
    pass

async def rest():
    async with pymongo.AsyncMongoClient(['${hostname}:${port}']) as client:
        await client['${database}'].people.update_many({'_id': {'$gte': 20}}, {'$set': {'own': True}})

def up(db):
    pymongo.MongoClient('${hostname}', ${port})['${database}'].people.update_many({'_id': {'$lt': 10}}, {'$set': {'own': True}})
    Mine('mongodb://localhost:${port}/${database}?directConnection=true').get_default_database().people.update_many(
        {'_id': {'$gte': 10, '$lt': 20}}, {'$set': {'own': True}})
    asyncio.run(rest())
`;
    });
    await expectKept();
  });

  for (const [what, server] of [
    ['with a password', guardedServer],
    ['over TLS', tlsServer],
  ] as const) {
    it(`${what} are led, and so is the one that is given`, async () => {
      await start(
        (uri, database) => `
from pymongo import MongoClient

def up(db):
    MongoClient('${uri}')['${database}'].people.update_many({'_id': {'$lt': 15}}, {'$set': {'own': True}})
    db.people.update_many({'_id': {'$gte': 15}}, {'$set': {'own': True}})
`,
        server(),
      );
      await expectKept();
    });
  }

  it('of forked processes are led, too', async function () {
    if (process.platform === 'win32') skip(this, 'Windows has no fork');
    await start(
      (uri, database) => `
import multiprocessing
from pymongo import MongoClient

def work(part):
    with MongoClient('${uri}') as client:
        return client['${database}'].people.update_many({'_id': {'$mod': [3, part]}}, {'$set': {'own': True}}).modified_count

def up(db):
    with multiprocessing.get_context('fork').Pool(3) as pool:
        counts = pool.map(work, [0, 1, 2])
    assert counts == [10, 10, 10], counts
`,
    );
    await expectKept();
  });

  it('may only read while the file is loaded', async () => {
    await start(
      (uri, database) => `
from pymongo import MongoClient
people = MongoClient('${uri}')['${database}'].people
count = people.count_documents({})
people.insert_one({'_id': 'too early'})

def up(db):
    db.people.insert_one({'_id': 'counted', 'count': count})
`,
    );
    const before = await everything(project.db);
    const { run } = await project.run({ mode: 'up' });
    assert.match(
      run.steps[0]?.error?.message ?? '',
      /does not load: "insert" came from a client of the migration's own while neither its up nor its down was at work\. .* \(line 5\)\.$/,
    );
    assert.equal(await everything(project.db), before);
  });

  it('to another server are a warning, and end a dry run', async () => {
    const other = await (await standalone()).database('other');
    await start(
      () => `
from pymongo import MongoClient

def up(db):
    try:
        MongoClient('${other.uri}')['${other.name}'].items.insert_one({'_id': 1})
    except Exception:
        pass
`,
    );
    const dry = await project.run({ mode: 'dry-run' });
    assert.equal(dry.exitCode, 1);
    assert.match(
      dry.run.steps[0]?.error?.message ?? '',
      /^The migration opens a MongoClient of its own to \S+, which is not known to belong to the cluster of this run/,
    );
    assert.equal(await other.db.collection('items').countDocuments(), 0);
    const up = await project.run({ mode: 'up' });
    assert.equal(up.exitCode, 0, JSON.stringify(up.run.steps));
    assert.equal(await other.db.collection('items').countDocuments(), 1);
    assert.equal(project.ofType('log').filter(({ level }) => level === 'warn').length, 1);
  });

  it('have their connection strings from an environment that no list of processes shows', async function () {
    if (process.platform !== 'linux') skip(this, 'only Linux shows them as files');
    process.env['OWN_TEST_URI'] = '';
    await start(
      (_uri, database) => `
import os
from pymongo import MongoClient

def up(db):
    MongoClient(os.environ['OWN_TEST_URI'])['${database}'].people.update_many({}, {'$set': {'own': True}})
    with open('/proc/%d/environ' % os.getpid()) as environment, open('/proc/%d/cmdline' % os.getpid()) as command:
        shown = environment.read() + command.read()
    assert 'mongodb://' not in shown, shown
`,
    );
    process.env['OWN_TEST_URI'] = project.connection.target.uri;
    try {
      await expectKept();
    } finally {
      delete process.env['OWN_TEST_URI'];
    }
  });
});
