// Connection strings on both sides of the door: what the script's client gets, and how the proxy itself has to
// speak TLS with the server.
import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import { ConnectionString } from 'mongodb-connection-string-url';
import { UserError } from '../protocol/errors';

/** Options that concern the way to the real servers; the script's client must not follow them. */
const NOT_FOR_SCRIPTS =
  /^(tls.*|ssl.*|compressors|zlibcompressionlevel|replicaset|directconnection|loadbalanced|srv.*|appname|readpreference|readpreferencetags|maxstalenessseconds|localthresholdms)$/;

function optionsOf(parsed: ConnectionString): Map<string, string> {
  return new Map([...parsed.searchParams].map(([name, value]) => [name.toLowerCase(), value]));
}

export function parseUri(uri: string): ConnectionString {
  const parsed = new ConnectionString(uri, { looseValidation: true });
  const options = optionsOf(parsed);
  if (options.get('loadbalanced') === 'true') {
    throw new UserError(
      'Scripts cannot run against a load balancer (loadBalanced=true): name a server instead.',
    );
  }
  if (options.has('proxyhost')) {
    throw new UserError(
      'Scripts cannot run through a SOCKS proxy (proxyHost): open a tunnel and name its end.',
    );
  }
  return parsed;
}

/** The same credentials, database and driver options, but the proxy's address and the token as application name. */
export function uriForScript(
  upstream: ConnectionString,
  port: number,
  token: string,
  authSource?: string,
): string {
  const params = new URLSearchParams();
  for (const [name, value] of upstream.searchParams) {
    if (!NOT_FOR_SCRIPTS.test(name.toLowerCase())) params.append(name, value);
  }
  const options = optionsOf(upstream);
  const credentials = upstream.username === '' ? '' : credentialsOf(upstream);
  // Behind mongodb+srv the authentication database stands in DNS, which the script's plain address has not.
  const source = authSource ?? (upstream.isSRV ? 'admin' : undefined);
  if (credentials !== '' && source !== undefined && !options.has('authsource'))
    params.set('authSource', source);
  params.set('directConnection', 'true');
  params.set('appName', token);
  return `mongodb://${credentials}127.0.0.1:${port}${upstream.pathname || '/'}?${params.toString()}`;
}

/** Both parts are percent-encoded already. */
function credentialsOf(uri: ConnectionString): string {
  return uri.password === '' ? `${uri.username}@` : `${uri.username}:${uri.password}@`;
}

export function appNameOf(uri: ConnectionString): string | undefined {
  return optionsOf(uri).get('appname');
}

/** Undefined for plain connections. Reads the files that the uri names. */
export async function tlsOptions(uri: ConnectionString): Promise<ConnectionOptions | undefined> {
  const options = optionsOf(uri);
  const flag = options.get('tls') ?? options.get('ssl');
  const named = [...options.keys()].some((name) => /^tls.*(file|insecure|invalid)/.test(name));
  if (flag === 'false' || !(flag === 'true' || uri.isSRV || named)) return undefined;
  const file = async (name: string): Promise<Buffer | undefined> => {
    const path = options.get(name);
    if (path === undefined) return undefined;
    return await readFile(path).catch((cause: unknown) => {
      throw new UserError(`The file "${path}" that the connection names for TLS cannot be read.`, { cause });
    });
  };
  const key = await file('tlscertificatekeyfile');
  const insecure = options.get('tlsinsecure') === 'true';
  const tls: ConnectionOptions = {
    ca: await file('tlscafile'),
    crl: await file('tlscrlfile'),
    cert: key,
    key,
    passphrase: options.get('tlscertificatekeyfilepassword'),
    rejectUnauthorized: !(insecure || options.get('tlsallowinvalidcertificates') === 'true'),
  };
  if (insecure || options.get('tlsallowinvalidhostnames') === 'true')
    tls.checkServerIdentity = () => undefined;
  return tls;
}
