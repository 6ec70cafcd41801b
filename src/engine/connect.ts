// THE way to a database: the connection test, the tree, runs and the command line all connect here, with the same
// options and the same sentences when it fails. What the server can do is found out by topology.ts.
import { MongoClient } from 'mongodb';
import type { Db, MongoClientOptions } from 'mongodb';
import { UserError } from '../protocol/errors';
import { describeTarget } from '../project/target';
import type { ConnectionTarget } from '../protocol/runner';
import { decodeErrorsWhole } from '../transfer/wholeErrors';
import { engineLookup } from '../wire/ownSockets';
import type { Address, HostPort } from './address';
import { addressText, editConnection, parseAddress } from './address';
import type { Presence } from './connectProblem';
import { connectError, retry } from './connectProblem';
import { probeTcp, probeTls } from './socketProbe';
import type { Server } from './topology';
import type { ScriptDriver } from './driver';
import { probeServer } from './topology';

export interface Connection {
  client: MongoClient;
  /** The target's database, with majority writes and primary reads. */
  db: Db;
  target: ConnectionTarget;
  /** Target in words, as in lenses and confirmations: `shop on localhost:27017`. */
  label: string;
  server: Server;
  /** Of the driver whose objects scripts get; without it that is the project's own. */
  MongoClient?: ScriptDriver['MongoClient'];
  close(): Promise<void>;
}

export interface ConnectOptions {
  /** Name of this client in the server's log and in `$currentOp`; default `migratory`. */
  appName?: string;
  /** How long to look for a server, in milliseconds; default 5000. */
  timeoutMs?: number;
  /** Aborting rejects with the signal's reason and closes what was opened. */
  signal?: AbortSignal;
}

export const defaultTimeoutMs = 5000;

/**
 * The driver's options for every client of ours. Writes are acknowledged by a majority and reads come from the
 * primary whatever the connection string says: the ledger must not outlive the data that it speaks of.
 */
export function clientOptions(address: Address, options: ConnectOptions = {}): MongoClientOptions {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const unlessGiven = <T extends object>(name: string, value: T): Partial<T> =>
    address.options.has(name.toLowerCase()) ? {} : value;
  return {
    appName: options.appName ?? 'migratory',
    serverSelectionTimeoutMS: timeoutMs,
    connectTimeoutMS: timeoutMs,
    writeConcern: { w: 'majority' },
    readPreference: 'primary',
    retryReads: true,
    lookup: engineLookup,
    // Some vendors have no retryable writes and say so in their connection strings.
    ...unlessGiven('retryWrites', { retryWrites: true }),
  };
}

/** Connects and finds out what the server is; every failure is a UserError without credentials. */
export async function connect(target: ConnectionTarget, options: ConnectOptions = {}): Promise<Connection> {
  options.signal?.throwIfAborted();
  const address = parseAddress(target);
  const { client, server } = await openClient(target, address, options);
  return {
    client,
    server,
    db: client.db(address.database),
    target: { ...target, database: address.database },
    label: describeTarget({ uri: target.uri, database: address.database }),
    close: () => client.close(),
  };
}

async function openClient(
  target: ConnectionTarget,
  address: Address,
  options: ConnectOptions,
): Promise<{ client: MongoClient; server: Server }> {
  let client: MongoClient | undefined;
  try {
    decodeErrorsWhole();
    client = new MongoClient(target.uri.trim(), clientOptions(address, options));
    const opening = client;
    const server = await abortable(options.signal, async () => {
      await opening.connect();
      return probeServer(opening, address.database);
    });
    refuseSecondary(server, address);
    return { client, server };
  } catch (error) {
    await client?.close();
    options.signal?.throwIfAborted();
    throw error instanceof UserError ? error : connectError(error, address, await presenceAt(address));
  }
}

function refuseSecondary(server: Server, address: Address): void {
  if (server.writable) return;
  const primary = server.primary ? ` The primary is ${server.primary}.` : '';
  throw new UserError(
    address.directConnection
      ? `${addressText(address)} is a secondary, which takes no writes.${primary} Drop directConnection=true from the connection string or connect to the primary.`
      : `${addressText(address)} takes no writes now.${primary} Wait for the election to end.`,
    { action: address.directConnection ? editConnection : retry },
  );
}

/** The driver cannot be told to stop connecting, so its promise is left behind; the caller closes the client. */
async function abortable<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (!signal) return work();
  signal.throwIfAborted();
  const { promise: aborted, stop } = abortion(signal);
  const running = work();
  // Whichever loses the race must not become an unhandled rejection.
  running.catch(() => undefined);
  try {
    return await Promise.race([running, aborted]);
  } finally {
    stop();
  }
}

function abortion(signal: AbortSignal): { promise: Promise<never>; stop: () => void } {
  let stop = (): void => undefined;
  const promise = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    stop = () => signal.removeEventListener('abort', onAbort);
  });
  return { promise, stop };
}

/** Looks below the protocol once a connection has failed: the driver tells a closed port from a strange one badly. */
async function presenceAt(address: Address): Promise<Presence> {
  const found = await Promise.all(address.hosts.map(presenceOf));
  return found.find((one) => one === 'tls') ?? found.find((one) => one === 'socket') ?? 'none';
}

async function presenceOf(host: HostPort): Promise<Presence> {
  try {
    await probeTcp(host, lookTimeoutMs);
  } catch {
    return 'none';
  }
  try {
    await probeTls(host, { tlsInsecure: true }, lookTimeoutMs);
    return 'tls';
  } catch {
    return 'socket';
  }
}

const lookTimeoutMs = 1000;

/** Where the primary is now, as the engine's own client knows it. */
export async function primaryAddress(connection: Connection): Promise<HostPort> {
  const hello = await connection.client.db('admin').command({ hello: 1 });
  const primary: unknown = hello['primary'];
  const seed = connection.client.options.hosts[0];
  if (typeof primary === 'string' && !connection.client.options.directConnection) {
    const colon = primary.lastIndexOf(':');
    return { host: primary.slice(0, colon), port: Number(primary.slice(colon + 1)) };
  }
  return { host: seed?.socketPath ?? seed?.host ?? 'localhost', port: seed?.port ?? 27017 };
}
