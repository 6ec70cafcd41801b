// Starts real MongoDB servers for tests and the demo: standalone, or a replica set of one or three nodes.
// From a shell: `node --import tsx tools/servers/mongod.ts` prints the path of mongod; with `start` it starts a
// replica set, prints its URI and runs until Ctrl-C; `initiate PORT` makes a replica set of a mongod that runs already
// (with `--replSet rs0`).
import { randomBytes } from 'node:crypto';
import { writeFile, mkdir } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MongoClient, type Document, type MongoClientOptions } from 'mongodb';
import { resolveMongod, type MongodBinary, type MongodVersion } from './binary';
import { endOfLog, freePort, serverFolder, type ServerChild, type ServerFolder } from './child';
import { makeCertificates, type Certificates } from './certificates';

export { resolveMongod, type MongodBinary, type MongodVersion };

/** What every server can be started with. */
export interface ServerOptions {
  version?: MongodVersion;
  /** More arguments for mongod; of one that is given twice, the last counts for mongod. */
  extraArgs?: string[];
  /** The server's cache in gigabytes; tests make do with little, 0.5. `own`: as the server itself chooses. */
  cacheGB?: number | 'own';
  /** Access control on, with one user of role `root`, who is part of `uri`. */
  auth?: boolean;
  /** TLS required, with certificates made for this server alone. */
  tls?: boolean;
}

/** Servers that belong together. They end with this process even if nobody stops them. */
export interface MongodServers {
  /** For a client: credentials, replica set and TLS are in it. */
  uri: string;
  version: string;
  ports: number[];
  pids: number[];
  /** Present with `auth`. */
  user?: { name: string; password: string };
  /** Present with `tls`. */
  certificates?: Certificates;
  /** Ends node `index` at once, as a crash would; without an index all of them. */
  kill: (index?: number) => Promise<void>;
  /** Starts node `index` again on its old port and data. */
  restart: (index?: number) => Promise<void>;
  /** Ends all of them and removes their data. */
  stop: () => Promise<void>;
}

/** A replica set with a primary; of three nodes all are primary or secondary when this resolves. */
export async function startReplicaSet(
  options: ServerOptions & { nodes?: 1 | 3 } = {},
): Promise<MongodServers> {
  const set = await startNodes(options.nodes ?? 1, ['--replSet=rs0', '--oplogSize=512'], options);
  try {
    await set.initiate();
    return set.servers;
  } catch (error) {
    await set.servers.stop();
    throw error;
  }
}

/** One mongod without an oplog: no transactions, no change streams. */
export async function startStandalone(options: ServerOptions = {}): Promise<MongodServers> {
  const single = await startNodes(1, [], options);
  try {
    await single.addUser();
    return single.servers;
  } catch (error) {
    await single.servers.stop();
    throw error;
  }
}

interface Node {
  port: number;
  child: ServerChild;
  args: string[];
}

interface Started {
  servers: MongodServers;
  initiate: () => Promise<void>;
  addUser: () => Promise<void>;
}

async function startNodes(count: number, roleArgs: string[], options: ServerOptions): Promise<Started> {
  const binary = await resolveMongod(options.version === undefined ? {} : { version: options.version });
  const folder = await serverFolder();
  const certificates = options.tls === true ? await makeCertificates(folder.path) : undefined;
  const isSet = roleArgs.length > 0;
  const args = [
    ...roleArgs,
    ...(await securityArgs(options, isSet, certificates, folder.path)),
    ...(options.cacheGB === 'own' ? [] : [`--wiredTigerCacheSizeGB=${options.cacheGB ?? 0.5}`]),
    ...(options.extraArgs ?? []),
  ];
  const nodes: Node[] = [];
  try {
    // One after another, so that two nodes cannot be given the same free port.
    for (let index = 0; index < count; index++) nodes.push(await startNode(binary, folder, `${index}`, args));
  } catch (error) {
    await folder.remove();
    throw error;
  }
  const user =
    options.auth === true ? { name: 'root', password: randomBytes(12).toString('hex') } : undefined;
  const ports = nodes.map((node) => node.port);
  const direct = (port: number): Promise<MongoClient> => connectDirectly(port, certificates);
  const addUser = (): Promise<void> => createUser(ports[0] as number, user, direct);
  const chosen = (index: number | undefined): Node[] =>
    index === undefined ? nodes : nodes.slice(index, index + 1);
  return {
    addUser,
    initiate: async () => {
      await initiateSet(ports, direct);
      await addUser();
    },
    servers: {
      uri: uriOf(ports, { isSet, user, certificates }),
      version: binary.version,
      ports,
      get pids() {
        return nodes.map((node) => node.child.pid);
      },
      ...(user === undefined ? {} : { user }),
      ...(certificates === undefined ? {} : { certificates }),
      kill: async (index) => {
        await Promise.all(chosen(index).map((node) => node.child.kill()));
      },
      restart: async (index) => {
        for (const node of chosen(index)) node.child = await folder.start(binary.path, node.args, binary.env);
        await Promise.all(chosen(index).map((node) => untilAnswers(node)));
      },
      stop: folder.remove,
    },
  };
}

async function securityArgs(
  options: ServerOptions,
  isSet: boolean,
  certificates: Certificates | undefined,
  folder: string,
): Promise<string[]> {
  const args: string[] = [];
  if (options.auth === true) {
    args.push('--auth');
    if (isSet) {
      const keyFile = join(folder, 'key');
      await writeFile(keyFile, randomBytes(48).toString('base64'), { mode: 0o600 });
      args.push('--keyFile', keyFile);
    }
  }
  if (certificates !== undefined) {
    args.push('--tlsMode', 'requireTLS', '--tlsAllowConnectionsWithoutCertificates');
    args.push('--tlsCertificateKeyFile', certificates.serverFile, '--tlsCAFile', certificates.caFile);
  }
  return args;
}

/** mongod's exit code when its address is in use. */
const netError = 48;

async function startNode(
  binary: MongodBinary,
  folder: ServerFolder,
  name: string,
  more: string[],
): Promise<Node> {
  const data = join(folder.path, name);
  await mkdir(data);
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const args = [
      `--port=${port}`,
      '--bind_ip=127.0.0.1',
      `--dbpath=${data}`,
      `--logpath=${join(data, 'mongod.log')}`,
      '--setParameter=enableTestCommands=1',
      '--setParameter=diagnosticDataCollectionEnabled=false',
      ...(process.platform === 'win32' ? [] : ['--nounixsocket']),
      ...more,
    ];
    const child = await folder.start(binary.path, args, binary.env);
    const node = { port, child, args };
    try {
      await untilAnswers(node);
      return node;
    } catch (error) {
      await child.kill();
      if (child.ended() === netError && attempt < 5) continue;
      const log = await endOfLog(join(data, 'mongod.log'));
      throw new Error(`mongod ${binary.version} did not start: ${log}`, { cause: error });
    }
  }
}

/** Waits until the node accepts connections; rejects when it ends or stays silent for a minute. */
async function untilAnswers(node: Node): Promise<void> {
  await poll(`mongod on port ${node.port}`, 60_000, () => {
    const ended = node.child.ended();
    if (ended !== undefined) throw new Error(`mongod ended with ${ended}`);
    return new Promise<boolean>((resolve) => {
      const socket = createConnection(node.port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
  });
}

async function initiateSet(ports: number[], direct: (port: number) => Promise<MongoClient>): Promise<void> {
  const clients = await Promise.all(ports.map(direct));
  try {
    await clients[0]?.db('admin').command({
      replSetInitiate: {
        _id: 'rs0',
        members: ports.map((port, index) => ({ _id: index, host: `127.0.0.1:${port}` })),
        // Tests that lose a primary should not wait ten seconds for the next one.
        settings: { electionTimeoutMillis: 2000, heartbeatIntervalMillis: 500 },
      },
    });
    await poll('the replica set to have a primary', 60_000, async () => {
      const states = await Promise.all(clients.map((client) => client.db('admin').command({ hello: 1 })));
      const isUp = (state: Document): boolean =>
        state['isWritablePrimary'] === true || state['secondary'] === true;
      return states.every(isUp) && states.some((state) => state['isWritablePrimary'] === true);
    });
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

/** The first user, through the exception that mongod makes for clients of its own machine. */
async function createUser(
  port: number,
  user: MongodServers['user'],
  direct: (port: number) => Promise<MongoClient>,
): Promise<void> {
  if (user === undefined) return;
  const client = await direct(port);
  try {
    await client.db('admin').command({ createUser: user.name, pwd: user.password, roles: ['root'] });
  } finally {
    await client.close();
  }
}

function connectDirectly(port: number, certificates: Certificates | undefined): Promise<MongoClient> {
  const options: MongoClientOptions = { directConnection: true, serverSelectionTimeoutMS: 30_000 };
  if (certificates !== undefined) Object.assign(options, { tls: true, tlsCAFile: certificates.caFile });
  return MongoClient.connect(`mongodb://127.0.0.1:${port}`, options);
}

function uriOf(
  ports: number[],
  about: { isSet: boolean; user: MongodServers['user']; certificates: Certificates | undefined },
): string {
  const query = new URLSearchParams();
  if (about.isSet) query.set('replicaSet', 'rs0');
  else query.set('directConnection', 'true');
  if (about.user !== undefined) query.set('authSource', 'admin');
  if (about.certificates !== undefined) {
    query.set('tls', 'true');
    query.set('tlsCAFile', about.certificates.caFile);
  }
  const credentials = about.user === undefined ? '' : `${about.user.name}:${about.user.password}@`;
  return `mongodb://${credentials}${ports.map((port) => `127.0.0.1:${port}`).join(',')}/?${query}`;
}

/** Asks again and again until the answer is yes; a server gives no other sign of being ready. */
async function poll(what: string, patience: number, ask: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + patience;
  while (!(await ask())) {
    if (Date.now() > end) throw new Error(`Waited ${patience / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function main(command: string | undefined, port: string | undefined): Promise<void> {
  if (command === undefined) {
    process.stdout.write(`${(await resolveMongod()).path}\n`);
    return;
  }
  if (command === 'initiate' && Number(port) > 0) {
    await initiateSet([Number(port)], (at) => connectDirectly(at, undefined));
    return;
  }
  if (command !== 'start') throw new Error('Usage: mongod.ts [start | initiate PORT]');
  const servers = await startReplicaSet();
  process.stdout.write(`${servers.uri}\n`);
  await new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
    // Signals alone do not keep a process running.
    setInterval(() => undefined, 60_000);
  });
  await servers.stop();
  process.exit(0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main(process.argv[2], process.argv[3]).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  });
}
