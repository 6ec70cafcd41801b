// Options that programs give to the driver's client beside a connection string, put into the string: everything here
// connects by one string alone, the door of scripts too.
import { ConnectionString } from 'mongodb-connection-string-url';

/**
 * What stands under the same name in connection strings, as far as it says where the server is and how to get in.
 * How values are read and written is not for a config to decide here.
 * https://www.mongodb.com/docs/drivers/node/current/connect/connection-options/
 */
export const inStrings: ReadonlySet<string> = new Set(
  (
    'tls ssl tlsCAFile tlsCertificateKeyFile tlsCertificateKeyFilePassword tlsInsecure tlsAllowInvalidCertificates ' +
    'tlsAllowInvalidHostnames authSource authMechanism replicaSet directConnection loadBalanced srvMaxHosts ' +
    'srvServiceName connectTimeoutMS socketTimeoutMS serverSelectionTimeoutMS maxPoolSize minPoolSize retryWrites ' +
    'retryReads compressors zlibCompressionLevel'
  ).split(' '),
);

/**
 * The string with every such option that it does not set itself.
 * @param options as for the driver's MongoClient; `auth: {username, password}` becomes the string's user.
 * @returns the string as it was given when it cannot be read; whoever connects explains that.
 */
export function withClientOptions(url: string, options: Record<string, unknown>): string {
  if (Object.keys(options).length === 0) return url;
  let uri: ConnectionString;
  try {
    uri = new ConnectionString(url);
  } catch {
    return url;
  }
  const { username, password } = userOf(options['auth']);
  if (username !== '' && uri.username === '') {
    uri.username = encodeURIComponent(username);
    uri.password = encodeURIComponent(password);
  }
  const there = new Set([...uri.searchParams.keys()].map((name) => name.toLowerCase()));
  for (const [name, value] of Object.entries(options)) {
    if (!inStrings.has(name) || there.has(name.toLowerCase())) continue;
    if (['string', 'number', 'boolean'].includes(typeof value)) uri.searchParams.set(name, String(value));
  }
  return uri.toString();
}

function userOf(auth: unknown): { username: string; password: string } {
  const { username, user, password } = (auth ?? {}) as Record<'username' | 'user' | 'password', unknown>;
  const name = username ?? user;
  return {
    username: typeof name === 'string' ? name : '',
    password: typeof password === 'string' ? password : '',
  };
}
