// Real MongoDB servers for tests, one of a kind per process, started when first asked for. They and the clients of
// `client()` end after the last test. MIGRATORY_TEST_URI takes the place of a server whose kind it has.
import { randomBytes } from 'node:crypto';
import { MongoClient, type Db, type MongoClientOptions } from 'mongodb';
import {
  startReplicaSet,
  startStandalone,
  type MongodServers,
  type MongodVersion,
} from '../../tools/servers/mongod';

/** A server, with databases that belong to one test alone. */
export interface TestServer {
  uri: string;
  /** A new client, closed after the last test at the latest. */
  client(options?: MongoClientOptions): Promise<MongoClient>;
  /** A database that nobody else uses; `uri` names it. Its client is shared by all of this server. */
  database(prefix?: string): Promise<{ db: Db; name: string; uri: string }>;
}

/** A server that tests started themselves, and may therefore break. */
export interface OwnServer extends TestServer {
  servers: MongodServers;
}

/** A replica set of one, or the replica set or sharded cluster behind MIGRATORY_TEST_URI. */
export function replicaSet(version?: MongodVersion): Promise<TestServer> {
  return once(`replicaSet ${version}`, async () => {
    const given = version === undefined ? await givenServer('replicated') : undefined;
    return given ?? own(await startReplicaSet({ version }));
  });
}

/** A mongod without replication, or the one behind MIGRATORY_TEST_URI. */
export function standalone(version?: MongodVersion): Promise<TestServer> {
  return once(`standalone ${version}`, async () => {
    const given = version === undefined ? await givenServer('standalone') : undefined;
    return given ?? own(await startStandalone({ version }));
  });
}

/** A replica set of three; who kills or freezes a node brings it back (`servers.restart`). */
export function threeNodes(version?: MongodVersion): Promise<OwnServer> {
  return once(`threeNodes ${version}`, async () => own(await startReplicaSet({ nodes: 3, version })));
}

/** A replica set of one with access control; its `uri` is that of a user with the role `root`. */
export function guardedServer(): Promise<OwnServer> {
  return once('guardedServer', async () => own(await startReplicaSet({ auth: true })));
}

/** A replica set of one that accepts TLS alone. */
export function tlsServer(): Promise<OwnServer> {
  return once('tlsServer', async () => own(await startReplicaSet({ tls: true })));
}

/** Ends everything that was started; mocha does it after the last test, other programs call it. */
export async function closeServers(): Promise<void> {
  const closings = closers.splice(0).toReversed();
  started.clear();
  for (const close of closings) await close();
}

const started = new Map<string, Promise<unknown>>();
const closers: (() => Promise<void>)[] = [];

function once<T>(key: string, start: () => Promise<T>): Promise<T> {
  const running = (started.get(key) as Promise<T> | undefined) ?? start();
  started.set(key, running);
  return running;
}

function own(servers: MongodServers): OwnServer {
  closers.push(() => servers.stop());
  return { ...testServer(servers.uri), servers };
}

/** The server of MIGRATORY_TEST_URI if it is of this kind; what tests leave there is dropped in the end. */
async function givenServer(kind: 'replicated' | 'standalone'): Promise<TestServer | undefined> {
  const uri = process.env['MIGRATORY_TEST_URI'];
  if (uri === undefined || uri === '') return undefined;
  const client = await MongoClient.connect(uri, { serverSelectionTimeoutMS: 10_000 });
  try {
    const hello = await client.db('admin').command({ hello: 1 });
    const isReplicated = hello['setName'] !== undefined || hello['msg'] === 'isdbgrid';
    if (isReplicated !== (kind === 'replicated')) return undefined;
  } finally {
    await client.close();
  }
  return testServer(uri, async (db) => void (await db.dropDatabase()));
}

function testServer(uri: string, whenDone?: (db: Db) => Promise<void>): TestServer {
  const clients: MongoClient[] = [];
  const databases: Db[] = [];
  let shared: Promise<MongoClient> | undefined;
  const client = async (options?: MongoClientOptions): Promise<MongoClient> => {
    const made = await MongoClient.connect(uri, options);
    clients.push(made);
    return made;
  };
  closers.push(async () => {
    if (whenDone !== undefined) for (const db of databases) await whenDone(db);
    await Promise.all(clients.splice(0).map((made) => made.close()));
  });
  return {
    uri,
    client,
    database: async (prefix = 'test') => {
      shared ??= client();
      const name = `${prefix}_${randomBytes(5).toString('hex')}`;
      const db = (await shared).db(name);
      databases.push(db);
      return { db, name, uri: uriWithDatabase(uri, name) };
    },
  };
}

/** `uri` with `name` as its database; credentials stay where they are looked up now. */
function uriWithDatabase(uri: string, name: string): string {
  const match = /^(mongodb(?:\+srv)?:\/\/)([^/?]+)(?:\/([^?]*))?(?:\?(.*))?$/.exec(uri);
  if (match === null) throw new Error('MIGRATORY_TEST_URI is no connection string of MongoDB');
  const [, scheme, authority = '', database, query = ''] = match;
  const parameters = new URLSearchParams(query);
  if (authority.includes('@') && !parameters.has('authSource'))
    parameters.set('authSource', database || 'admin');
  const rest = parameters.toString();
  return `${scheme}${authority}/${name}${rest === '' ? '' : `?${rest}`}`;
}

// Imported by a test file, this is a hook of mocha's root suite.
if (typeof after === 'function') {
  after('end the servers of the tests', async function () {
    this.timeout(60_000);
    await closeServers();
  });
}
