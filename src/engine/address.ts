// What a connection string says, before anything is opened: hosts, TLS, where the user is looked up. Refuses
// what cannot work with a sentence that holds no credentials.
import { ConnectionString } from 'mongodb-connection-string-url';
import { ExitCode, UserError } from '../protocol/errors';
import type { ConnectionTarget } from '../protocol/runner';

export interface HostPort {
  host: string;
  port: number;
}

/** A parsed connection string without its user and password. */
export interface Address {
  /** Empty for `mongodb+srv://`: DNS names them. */
  hosts: HostPort[];
  /** The name looked up in DNS, for `mongodb+srv://`. */
  srvName: string | null;
  srvService: string;
  tls: boolean;
  directConnection: boolean;
  replicaSet: string | null;
  hasUser: boolean;
  authSource: string;
  database: string;
  /** Names of all options that the string sets: in lower case → as they stand there. */
  options: Map<string, string>;
}

export const editConnection = { label: 'Edit the connection' } as const;
/** What never can connect is a matter of usage, not of a connection that failed. */
const wrongAddress = { action: editConnection, exitCode: ExitCode.usage } as const;

const defaultPort = 27017;

/** Reads `host`, `host:port`, `[::1]:port`, and percent-encoded sockets (port 0). */
export function parseHost(text: string): HostPort {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  if (bracketed) return { host: bracketed[1] ?? '', port: Number(bracketed[2] ?? defaultPort) };
  const decoded = decodeURIComponent(text);
  if (decoded.includes('/')) return { host: decoded, port: 0 };
  const colon = text.lastIndexOf(':');
  if (colon < 0) return { host: text, port: defaultPort };
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

export function hostText({ host, port }: HostPort): string {
  if (port === 0) return host;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseString(uri: string): ConnectionString {
  if (uri.includes('${')) {
    throw new UserError(
      'The connection string holds a placeholder that was not filled in. Set the environment variable that it names.',
      wrongAddress,
    );
  }
  try {
    return new ConnectionString(uri.trim());
  } catch (error) {
    throw new UserError(malformedSentence(uri, error), wrongAddress);
  }
}

/** The parser's own words may quote the string, so they are never handed on. */
function malformedSentence(uri: string, error: unknown): string {
  const reason = error instanceof Error ? error.message : '';
  if (uri.trim() === '')
    return 'The connection string is empty. It has to look like mongodb://host:27017/database.';
  if (reason.startsWith('Invalid scheme')) {
    return 'The connection string does not start with mongodb:// or mongodb+srv://. Copy the whole string again.';
  }
  const authority = uri.replace(/^[a-z+]+:\/\//, '').split(/[/?]/)[0] ?? '';
  if (
    (authority.match(/@/g) ?? []).length > 1 ||
    /%(?![0-9a-f]{2})/i.test(uri) ||
    /malformed|unescaped/.test(reason)
  ) {
    return 'The connection string is malformed: in the user name and the password, characters like @ : / ? # % must be percent-encoded (@ becomes %40).';
  }
  if (reason.includes('Protocol and host list are required')) {
    return 'The connection string names no host. It has to look like mongodb://host:27017/database.';
  }
  if (uri.startsWith('mongodb+srv:')) {
    return 'The connection string is malformed: mongodb+srv:// takes exactly one host name and no port.';
  }
  return 'The connection string is malformed. It has to look like mongodb://host:27017/database, with special characters in the password percent-encoded.';
}

/** Names that MongoDB refuses for a database: https://www.mongodb.com/docs/manual/reference/limits/ */
function checkDatabase(name: string): void {
  if (name === '') {
    throw new UserError(
      'The connection names no database. Add it to the connection string (mongodb://host:27017/shop) or to the connection.',
      wrongAddress,
    );
  }
  if (/[/\\. "$\0]/.test(name) || Buffer.byteLength(name) > 63) {
    throw new UserError(
      `"${name}" cannot be the name of a database: it must be at most 63 bytes long and hold no space and none of / \\ . " $.`,
      wrongAddress,
    );
  }
  if (name === 'local' || name === 'config') {
    throw new UserError(
      `The database "${name}" belongs to the server. Choose a database of your own.`,
      wrongAddress,
    );
  }
}

/** Parses the target's connection string; throws a UserError for anything that can never connect. */
export function parseAddress(target: Pick<ConnectionTarget, 'uri' | 'database'>): Address {
  const parsed = parseString(target.uri);
  const option = (name: string): string | null => parsed.searchParams.get(name);
  const hosts = parsed.isSRV ? [] : parsed.hosts.map(parseHost);
  for (const { host, port } of hosts) {
    if (host === '' || !Number.isInteger(port) || port < 0 || port > 65535) {
      throw new UserError(
        'The connection string is malformed: a host or its port is not valid. A port is a number from 1 to 65535.',
        wrongAddress,
      );
    }
  }
  const path = decodeURIComponent(parsed.pathname.replace(/^\//, ''));
  const database = target.database || path;
  checkDatabase(database);
  const tls = option('tls') ?? option('ssl');
  return {
    hosts,
    srvName: parsed.isSRV ? (parsed.hosts[0] ?? '') : null,
    srvService: option('srvServiceName') ?? 'mongodb',
    tls: tls === null ? parsed.isSRV : tls === 'true',
    directConnection: option('directConnection') === 'true',
    replicaSet: option('replicaSet'),
    hasUser: parsed.username !== '' || option('authMechanism') !== null,
    authSource: option('authSource') ?? (path || 'admin'),
    database,
    options: new Map([...parsed.searchParams.keys()].map((name) => [name.toLowerCase(), name])),
  };
}

/** Where the address leads, in words: `localhost:27017` or `cluster0.example.net`. */
export function addressText(address: Address): string {
  return address.srvName ?? address.hosts.map(hostText).join(', ');
}
