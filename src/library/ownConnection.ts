// The library's way from a caller's `Db` (of any driver from major 4 on) to a connection of the engine's own driver,
// opened with the caller's address and credentials and closed after each call.
import type { EventEmitter } from 'node:events';
import type { Db, MongoClient } from 'mongodb';
import { ConnectionString } from 'mongodb-connection-string-url';
import { connect, type Connection } from '../engine/connect';
import { withClientOptions } from '../project/uriOptions';
import { UserError } from '../protocol/errors';
import { leaveAlone } from '../wire/ownSockets';

/** What any driver from major 4 on keeps of a client. */
interface ForeignClient extends Pick<EventEmitter, 'on' | 'off'> {
  s: { url: string };
  options?: {
    credentials?: { username?: string; password?: string; source?: string; mechanism?: string };
  } & Record<string, unknown>;
}

/** Options of the connection string that callers may have given to their client instead. */
const tlsOptions = [
  'tls',
  'tlsCAFile',
  'tlsCertificateKeyFile',
  'tlsCertificateKeyFilePassword',
  'tlsAllowInvalidCertificates',
  'tlsAllowInvalidHostnames',
] as const;

export async function withOwnConnection<T>(db: Db, work: (connection: Connection) => Promise<T>): Promise<T> {
  const client = clientOf(db);
  const target = { name: db.databaseName, uri: uriOf(client), database: db.databaseName };
  const connection = await connect(target, { appName: 'migratory library' });
  const letGo = leaveAlone(client);
  try {
    return await work({ ...connection, MongoClient: classOf(client) });
  } finally {
    letGo();
    await connection.close();
  }
}

/** Scripts get objects of the caller's own driver, wherever the program was started. */
function classOf(client: ForeignClient): Connection['MongoClient'] {
  return (client as unknown as { constructor: Connection['MongoClient'] }).constructor;
}

/** A Db of driver 4 keeps its client to itself. */
function clientOf(db: Db): ForeignClient {
  const own = db as unknown as { client?: MongoClient; s?: { client?: MongoClient } };
  const client = (own.client ?? own.s?.client) as unknown as ForeignClient | undefined;
  if (typeof client?.s.url === 'string') return client;
  throw new UserError('The library was given something that is no Db of the package mongodb (4 to 7).');
}

/** The caller's connection string, completed by what was given as options: the door of scripts needs it whole. */
function uriOf({ s, options }: ForeignClient): string {
  const given = (name: string): boolean => typeof options?.[name] === 'string' || options?.[name] === true;
  const tls = Object.fromEntries(tlsOptions.filter(given).map((name) => [name, options?.[name]]));
  const { credentials } = options ?? {};
  if (!credentials?.username || new ConnectionString(s.url).username !== '')
    return withClientOptions(s.url, tls);
  const { source, mechanism } = credentials;
  return withClientOptions(s.url, {
    ...tls,
    auth: credentials,
    authSource: source || undefined,
    authMechanism: mechanism === 'DEFAULT' ? undefined : mechanism,
  });
}
