// What the server on the other end is and can do. Asks for capabilities and never trusts a version number alone:
// other vendors report MongoDB versions whose features they do not have.
import type { Db, Document, Long, MongoClient } from 'mongodb';
import type { ServerDescription } from '../protocol/runner';

export interface Server extends ServerDescription {
  version: string;
  /** `[6, 0, 27]` */
  versionArray: number[];
  vendor: 'mongodb' | 'ferretdb' | 'cosmosdb' | 'documentdb';
  setName?: string;
  /** False on a secondary and on a primary that has just stepped down. */
  writable: boolean;
  /** host:port of the primary, on replica sets. */
  primary?: string;
  /** Change streams can be opened. */
  changeStreams: boolean;
  /** `$setField` and friends (5.0), needed for field names with dots and dollars. */
  setField: boolean;
  maxBsonObjectSize: number;
  maxWriteBatchSize: number;
  /** featureCompatibilityVersion, where it may be read. */
  fcv?: string;
  /** host:port of all data-bearing members and arbiters that the server names. */
  members?: string[];
}

/** Error codes that mean "you may not", not "this cannot be done here". */
const notAllowed = new Set([13, 18, 8000]);

const probeTimeMS = 3000;

/** Asks the server; `database` is where the probes look (nothing is written). */
export async function probeServer(client: MongoClient, database = client.db().databaseName): Promise<Server> {
  const admin = client.db('admin');
  const [hello, build] = await Promise.all([
    admin.command({ hello: 1 }),
    admin.command({ buildInfo: 1 }).catch((): Document => ({})),
  ]);
  const topology = topologyOf(hello);
  const writable = hello['isWritablePrimary'] === true || hello['ismaster'] === true;
  const db = client.db(database);
  const [transactions, changeStreams, setField, fcv] = writable
    ? await Promise.all([
        probeTransactions(client, db, hello),
        probeChangeStreams(client, db, topology),
        probeSetField(db),
        readFcv(admin, topology),
      ])
    : [false, false, false, undefined];
  const vendor = vendorOf(client, build);
  const version = typeof build['version'] === 'string' ? build['version'] : 'unknown';
  return {
    version,
    versionArray: versionNumbers(build, version),
    vendor,
    topology,
    writable,
    transactions,
    changeStreams,
    setField,
    maxBsonObjectSize: Number(hello['maxBsonObjectSize'] ?? 16777216),
    maxWriteBatchSize: Number(hello['maxWriteBatchSize'] ?? 100000),
    summary: summaryOf(vendor, version, build, topology, hello),
    ...(typeof hello['setName'] === 'string' ? { setName: hello['setName'], members: membersOf(hello) } : {}),
    ...(typeof hello['primary'] === 'string' ? { primary: hello['primary'] } : {}),
    ...(fcv ? { fcv } : {}),
  };
}

function topologyOf(hello: Document): Server['topology'] {
  if (hello['msg'] === 'isdbgrid') return 'sharded';
  return typeof hello['setName'] === 'string' ? 'replica-set' : 'standalone';
}

function membersOf(hello: Document): string[] {
  const lists = [hello['hosts'], hello['passives'], hello['arbiters']];
  return lists.flatMap((list: unknown) => (Array.isArray(list) ? list.map(String) : []));
}

function versionNumbers(build: Document, version: string): number[] {
  const numbers: unknown = build['versionArray'];
  if (Array.isArray(numbers)) return numbers.slice(0, 3).map(Number);
  return version
    .split('.')
    .slice(0, 3)
    .map((part) => Number.parseInt(part, 10) || 0);
}

function vendorOf(client: MongoClient, build: Document): Server['vendor'] {
  if (build['ferretdb']) return 'ferretdb';
  const hosts = [client.options.srvHost ?? '', ...client.options.hosts.map(({ host }) => host ?? '')];
  if (hosts.some((host) => /\.cosmos\.azure\.(com|cn|us)$/.test(host))) return 'cosmosdb';
  if (hosts.some((host) => /\.docdb(-elastic)?\..*amazonaws\.com/.test(host))) return 'documentdb';
  return 'mongodb';
}

const topologyWords = { standalone: 'standalone', 'replica-set': 'replica set', sharded: 'sharded cluster' };

function summaryOf(
  vendor: Server['vendor'],
  version: string,
  build: Document,
  topology: Server['topology'],
  hello: Document,
): string {
  const ferret = build['ferretdb'] as { version?: string } | undefined;
  const name = {
    mongodb: `MongoDB ${version}`,
    ferretdb: `FerretDB ${ferret?.version ?? ''} (as MongoDB ${version})`,
    cosmosdb: `Azure Cosmos DB (as MongoDB ${version})`,
    documentdb: `Amazon DocumentDB (as MongoDB ${version})`,
  }[vendor];
  const set = topology === 'replica-set' ? ` ${String(hello['setName'])}` : '';
  return `${name}, ${topologyWords[topology]}${set}`;
}

function codeOf(error: unknown): number | undefined {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'number' ? code : undefined;
}

/**
 * Reads nothing inside a transaction and commits it. A server that ignores the transaction's fields fails at the
 * commit, since it has no such command.
 */
async function probeTransactions(client: MongoClient, db: Db, hello: Document): Promise<boolean> {
  if (hello['logicalSessionTimeoutMinutes'] == null || topologyOf(hello) === 'standalone') return false;
  const session = client.startSession();
  try {
    session.startTransaction({ writeConcern: { w: 1 } });
    await db
      .collection('_migratory_runs')
      .find({ _id: { $exists: false } }, { session, maxTimeMS: probeTimeMS })
      .limit(1)
      .toArray();
    await session.commitTransaction();
    return true;
  } catch (error) {
    const code = codeOf(error);
    return code !== undefined && notAllowed.has(code);
  } finally {
    await session.endSession();
  }
}

/** Opens a stream by its bare command and closes it at once: a cursor of the driver would wait for a first event. */
async function probeChangeStreams(
  client: MongoClient,
  db: Db,
  topology: Server['topology'],
): Promise<boolean> {
  const session = client.startSession();
  try {
    const answer = await db.command(
      { aggregate: 1, pipeline: [{ $changeStream: {} }], cursor: { batchSize: 0 }, maxTimeMS: probeTimeMS },
      { session },
    );
    const cursor = answer['cursor'] as { id: Long; ns: string };
    const collection = cursor.ns.slice(cursor.ns.indexOf('.') + 1);
    await db.command({ killCursors: collection, cursors: [cursor.id] }, { session });
    return true;
  } catch (error) {
    const code = codeOf(error);
    return code !== undefined && notAllowed.has(code) && topology !== 'standalone';
  } finally {
    await session.endSession();
  }
}

async function probeSetField(db: Db): Promise<boolean> {
  try {
    await db
      .collection('_migratory_runs')
      .aggregate(
        [{ $limit: 1 }, { $project: { probe: { $setField: { field: 'a.b', input: {}, value: 1 } } } }],
        { maxTimeMS: probeTimeMS },
      )
      .toArray();
    return true;
  } catch (error) {
    const code = codeOf(error);
    return code !== undefined && notAllowed.has(code);
  }
}

async function readFcv(admin: Db, topology: Server['topology']): Promise<string | undefined> {
  if (topology === 'sharded') return undefined;
  try {
    const answer = await admin.command({ getParameter: 1, featureCompatibilityVersion: 1 });
    const value = answer['featureCompatibilityVersion'] as { version?: unknown } | undefined;
    return typeof value?.version === 'string' ? value.version : undefined;
  } catch {
    return undefined;
  }
}
