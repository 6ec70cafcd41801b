import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { MongoClient } from 'mongodb';
import { parseAddress } from '../../../src/engine/address';
import { connect } from '../../../src/engine/connect';
import { connectFailure } from '../../../src/engine/connectProblem';
import { listDatabases } from '../../../src/engine/databases';
import { testConnection } from '../../../src/engine/connectionTest';
import { UserError } from '../../../src/protocol/errors';
import type { ConnectionTarget, ConnectionTestStep } from '../../../src/protocol/runner';
import { guardedServer, replicaSet, standalone, threeNodes, tlsServer } from '../../support/server';

const secret = 's3cr3t-pa55word';
const timeoutMs = 1000;

function target(uri: string, database = 'shop'): ConnectionTarget {
  return { name: 'test', uri, database };
}

/** The sentence of a connection that must fail. */
async function failure(uri: string, database = 'shop'): Promise<UserError> {
  try {
    const connection = await connect(target(uri, database), { timeoutMs });
    await connection.close();
  } catch (error) {
    assert.ok(error instanceof UserError, `a UserError, not ${String(error)}`);
    assert.ok(!error.message.includes(secret) && !String(error.stack).includes(secret), 'no password in it');
    assert.match(error.message, /^[A-Z\d"][^]*\.$/, 'a sentence');
    assert.ok(error.action, 'with something to do');
    return error;
  }
  return assert.fail(`connected to ${uri}`);
}

/** A TCP server that is no MongoDB; what it does with a connection is up to `meet`. */
async function withServer(
  meet: (socket: Socket) => void,
  work: (port: number) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    meet(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await work((server.address() as AddressInfo).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function closedPort(): Promise<number> {
  let port = 0;
  await withServer(
    () => undefined,
    (open) => {
      port = open;
      return Promise.resolve();
    },
  );
  return port;
}

describe('connect', () => {
  it('opens a connection that writes with majority and reads from the primary, whatever the string says', async () => {
    const { uri, name } = await (await replicaSet()).database();
    const separator = uri.includes('?') ? '&' : '?';
    const connection = await connect(target(`${uri}${separator}w=1&readPreference=secondary`, name));
    try {
      assert.equal(connection.db.databaseName, name);
      assert.equal(connection.db.writeConcern?.w, 'majority');
      assert.equal(connection.client.options.readPreference.mode, 'primary');
      assert.equal(connection.client.options.retryWrites, true);
      assert.match(connection.label, new RegExp(`^${name} on 127\\.0\\.0\\.1:\\d+$`));
      await connection.db.collection('a').insertOne({ n: 1 });
      assert.equal(await connection.db.collection('a').countDocuments(), 1);
    } finally {
      await connection.close();
    }
  });

  it('finds out what the server is by asking for capabilities', async () => {
    const set = await (await replicaSet()).database();
    const replicated = await connect(target(set.uri, set.name));
    await replicated.close();
    assert.equal(replicated.server.topology, 'replica-set');
    assert.equal(replicated.server.transactions, true);
    assert.equal(replicated.server.changeStreams, true);
    assert.match(replicated.server.summary, /^MongoDB \d+\.\d+\.\d+, replica set rs0$/);
    assert.deepEqual(replicated.server.members, [replicated.server.primary]);
    const one = await (await standalone()).database();
    const single = await connect(target(one.uri, one.name));
    await single.close();
    assert.equal(single.server.topology, 'standalone');
    assert.equal(single.server.transactions, false);
    assert.equal(single.server.changeStreams, false);
    assert.equal(single.server.maxBsonObjectSize, 16 * 1024 * 1024);
  });

  it('leaves nothing behind in the database', async () => {
    const { db, uri, name } = await (await replicaSet()).database();
    await (await connect(target(uri, name))).close();
    assert.deepEqual(await db.listCollections().toArray(), []);
  });

  it('takes the database out of the connection string when the target names none', async () => {
    const { uri, name } = await (await replicaSet()).database();
    const connection = await connect(target(uri, ''));
    await connection.close();
    assert.equal(connection.target.database, name);
  });

  it('says that nothing listens, and what localhost means', async () => {
    const port = await closedPort();
    const error = await failure(`mongodb://user:${secret}@127.0.0.1:${port}/shop`);
    assert.match(error.message, new RegExp(`Nothing listens on 127\\.0\\.0\\.1:${port}`));
    assert.match(error.message, /container/);
    assert.equal(error.action?.label, 'Retry');
  });

  it('says that the host is not known', async () => {
    assert.match(
      (await failure('mongodb://nowhere.invalid/shop')).message,
      /nowhere\.invalid is not known here \(DNS\)/,
    );
    assert.match(
      (await failure('mongodb+srv://cluster.invalid/shop')).message,
      /SRV record for cluster\.invalid/,
    );
  });

  it('says that something else listens there: silent, chatty, or hanging up', async () => {
    const words = /Something listens on 127\.0\.0\.1:\d+, but it does not answer as a MongoDB server/;
    await withServer(
      () => undefined,
      async (port) => assert.match((await failure(`mongodb://127.0.0.1:${port}/shop`)).message, words),
    );
    await withServer(
      (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\nThis is not the server you are looking for.'),
      async (port) => assert.match((await failure(`mongodb://127.0.0.1:${port}/shop`)).message, words),
    );
    await withServer(
      (socket) => socket.end(),
      async (port) => assert.match((await failure(`mongodb://127.0.0.1:${port}/shop`)).message, words),
    );
  }).timeout(20_000);

  it('says that the login was refused, and where the user was looked for', async () => {
    const server = await guardedServer();
    const host = `127.0.0.1:${server.servers.ports[0]}`;
    const wrong = await failure(`mongodb://root:${secret}@${host}/shop?authSource=admin`);
    assert.match(wrong.message, /refused the login.*the database "admin"/);
    assert.match((await failure(`mongodb://root:${secret}@${host}/shop`)).message, /the database "shop"/);
    assert.equal(wrong.action?.label, 'Edit the connection');
  });

  it('tells TLS apart: wanted and not there, there and not wanted, not trusted', async () => {
    const plain = await (await replicaSet()).database();
    const port = new URL(plain.uri.replace('mongodb:', 'http:')).port;
    assert.match(
      (await failure(`mongodb://127.0.0.1:${port}/shop?tls=true`)).message,
      /does not speak TLS on this port/,
    );
    const server = await tlsServer();
    const host = `127.0.0.1:${server.servers.ports[0]}`;
    assert.match((await failure(`mongodb://${host}/shop`)).message, /speaks TLS only\. Add tls=true/);
    assert.match((await failure(`mongodb://${host}/shop?tls=true`)).message, /not signed by an authority/);
    const missing = await failure(`mongodb://${host}/shop?tls=true&tlsCAFile=/no/such/file.pem`);
    assert.match(missing.message, /file \/no\/such\/file\.pem .* does not exist/);
    const connection = await connect(target(server.uri));
    await connection.close();
  }).timeout(30_000);

  it('refuses a direct connection to a secondary and names the primary', async () => {
    const set = await threeNodes();
    const client = await set.client();
    const hello = await client.db('admin').command({ hello: 1 });
    const other = (hello['hosts'] as string[]).find((host) => host !== hello['primary']);
    const error = await failure(`mongodb://${other}/shop?directConnection=true`);
    assert.match(
      error.message,
      new RegExp(`is a secondary, which takes no writes\\. The primary is ${String(hello['primary'])}`),
    );
  }).timeout(60_000);

  it('says that the replica set has another name', async () => {
    const { uri } = await (await replicaSet()).database();
    const { host } = new URL(uri.replace('mongodb:', 'http:'));
    assert.match(
      (await failure(`mongodb://${host}/shop?replicaSet=other`)).message,
      /not a member of a replica set named "other"/,
    );
  });

  it('refuses strings that cannot work without quoting them', async () => {
    assert.match((await failure(`http://user:${secret}@h`)).message, /does not start with mongodb:\/\//);
    assert.match((await failure(`mongodb://user:${secret}@x@h/shop`)).message, /percent-encoded/);
    assert.match((await failure(`mongodb://user:${secret}%@h/shop`)).message, /percent-encoded/);
    assert.match((await failure(`mongodb://user:${secret}@h:99999/shop`)).message, /port/);
    assert.match((await failure('')).message, /is empty/);
    assert.match((await failure('mongodb://${env:NOT_SET}/shop')).message, /placeholder/);
    assert.match(
      (await failure('mongodb://h/shop?retryWrights=true')).message,
      /unknown option: retryWrights/i,
    );
    assert.match((await failure('mongodb://h/shop?tls=maybe')).message, /option tls/);
    assert.match((await failure('mongodb://h/', '')).message, /names no database/);
    assert.match((await failure('mongodb://h/', 'a b')).message, /cannot be the name of a database/);
    assert.match((await failure('mongodb://h/', 'local')).message, /belongs to the server/);
  });

  it('stops when it is aborted', async () => {
    await withServer(
      () => undefined,
      async (port) => {
        const cancel = new AbortController();
        const opening = connect(target(`mongodb://127.0.0.1:${port}/shop`), {
          timeoutMs: 60_000,
          signal: cancel.signal,
        });
        const reason = new Error('changed my mind');
        setTimeout(() => cancel.abort(reason), 50);
        await assert.rejects(opening, reason);
      },
    );
  });
});

describe('the databases of a server', () => {
  it('are those that hold something, without its own and the scratch ones of dry runs', async () => {
    const server = await replicaSet();
    const { db, name } = await server.database();
    await db.collection('a').insertOne({});
    const scratch = db.client.db(`x_migratory_dry_${'0'.repeat(8)}`);
    await scratch.collection('a').insertOne({});
    const found = await listDatabases(db.client);
    await scratch.dropDatabase();
    assert.ok(found.includes(name));
    assert.ok(!found.some((one) => ['admin', 'config', 'local', scratch.databaseName].includes(one)));
  });

  it('are only those that the user may use', async () => {
    const server = await guardedServer();
    const { db, name } = await server.database();
    const other = await server.database();
    await db.collection('a').insertOne({});
    await other.db.collection('a').insertOne({});
    await db.command({ createUser: 'narrow', pwd: secret, roles: [{ role: 'readWrite', db: name }] });
    const uri = `mongodb://narrow:${secret}@127.0.0.1:${server.servers.ports[0]}/${name}`;
    const client = await MongoClient.connect(uri);
    try {
      assert.deepEqual(await listDatabases(client), [name]);
    } finally {
      await client.close();
    }
  });
});

describe('testConnection', () => {
  const outcomes = (steps: ConnectionTestStep[]): string =>
    steps.map(({ step, outcome }) => `${step}:${outcome}`).join(' ');
  const step = (steps: ConnectionTestStep[], name: string): ConnectionTestStep => {
    const found = steps.find((one) => one.step === name);
    assert.ok(found);
    return found;
  };

  it('passes every stage on a healthy server and describes it', async () => {
    const { uri, name } = await (await replicaSet()).database();
    const { steps, server } = await testConnection(target(uri, name));
    assert.equal(
      outcomes(steps),
      'address:passed dns:skipped tcp:passed tls:skipped login:passed ping:passed rights:passed topology:passed',
    );
    assert.match(step(steps, 'ping').details, /round trip takes [\d.]+ ms/);
    assert.match(step(steps, 'rights').details, /no access control/);
    assert.equal(server?.topology, 'replica-set');
  });

  it('passes TLS and login where they are asked for, and tells the rights', async () => {
    const tls = await tlsServer();
    const secured = await testConnection(target(tls.uri));
    assert.equal(step(secured.steps, 'tls').outcome, 'passed', step(secured.steps, 'tls').details);
    assert.equal(step(secured.steps, 'topology').outcome, 'passed');
    const guarded = await guardedServer();
    const { steps } = await testConnection(target(guarded.uri));
    assert.match(step(steps, 'login').details, /Logged in with a user of admin/);
    assert.match(
      step(steps, 'rights').details,
      /may read, write, list collections, create indexes, change collections/,
    );
  }).timeout(30_000);

  it('says what a user may not do', async () => {
    const server = await guardedServer();
    const { db, name } = await server.database();
    await db.command({ createUser: 'reader', pwd: secret, roles: [{ role: 'read', db: name }] });
    const uri = `mongodb://reader:${secret}@127.0.0.1:${server.servers.ports[0]}/${name}`;
    const { steps } = await testConnection(target(uri, name));
    assert.equal(step(steps, 'rights').outcome, 'failed');
    assert.match(step(steps, 'rights').details, /may read, list collections, but not write/);
    const readOnly = await testConnection({ ...target(uri, name), readOnly: true });
    assert.equal(step(readOnly.steps, 'rights').outcome, 'passed');
    assert.ok(!JSON.stringify(steps).includes(secret));
  });

  it('ends at the stage that fails, and skips the rest', async () => {
    const failsAt = async (uri: string, name: string, details: RegExp): Promise<void> => {
      const { steps, server } = await testConnection(target(uri), { timeoutMs });
      const failed = steps.filter(({ outcome }) => outcome === 'failed');
      assert.deepEqual(
        failed.map((one) => one.step),
        [name],
        outcomes(steps),
      );
      assert.match(failed[0]?.details ?? '', details);
      assert.ok(failed[0]?.action);
      assert.ok(!JSON.stringify(steps).includes(secret));
      assert.equal(steps.length, 8);
      assert.equal(server, undefined);
      const after = steps.slice(steps.findIndex((one) => one.outcome === 'failed') + 1);
      assert.ok(after.every(({ outcome }) => outcome === 'skipped'));
    };
    await failsAt(`nonsense://user:${secret}@h`, 'address', /does not start with/);
    await failsAt('mongodb://nowhere.invalid', 'dns', /not known here/);
    await failsAt('mongodb+srv://cluster.invalid', 'dns', /SRV record/);
    await failsAt(`mongodb://user:${secret}@127.0.0.1:${await closedPort()}`, 'tcp', /Nothing listens/);
    const tls = await tlsServer();
    await failsAt(
      `mongodb://127.0.0.1:${tls.servers.ports[0]}/?tls=true`,
      'tls',
      /not signed by an authority/,
    );
    const guarded = await guardedServer();
    await failsAt(
      `mongodb://root:${secret}@127.0.0.1:${guarded.servers.ports[0]}`,
      'login',
      /refused the login/,
    );
    await withServer(
      () => undefined,
      (port) => failsAt(`mongodb://127.0.0.1:${port}`, 'login', /does not answer as a MongoDB server/),
    );
  }).timeout(60_000);

  it('is over in bounded time', async () => {
    await withServer(
      () => undefined,
      async (port) => {
        const started = Date.now();
        await testConnection(target(`mongodb://127.0.0.1:${port}/?tls=true`), { timeoutMs: 500 });
        assert.ok(Date.now() - started < 5000);
      },
    );
  });
});

describe('a server below the floor of the driver', () => {
  it('is named as too old', () => {
    // The driver's own words; there is no server of that age for tests everywhere.
    const address = parseAddress(target('mongodb://old:27017'));
    const words =
      'Server at old:27017 reports maximum wire version 8, but this version of the Node.js Driver requires at least 9 (MongoDB 4.4)';
    const failed = connectFailure(new Error(words), address, 'socket');
    assert.equal(failed.cause, 'version');
    assert.match(failed.message, /too old: MongoDB 4\.4 is the oldest/);
  });
});
