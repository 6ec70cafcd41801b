// Turns any failure to connect into one sentence with its cause and what to do. Never repeats the connection
// string, a user name or a password.
import { MongoServerError, MongoServerSelectionError } from 'mongodb';
import { UserError } from '../protocol/errors';
import type { ErrorAction } from '../protocol/errors';
import type { Address } from './address';
import { addressText, editConnection } from './address';

export const retry: ErrorAction = { label: 'Retry' };

/** The cause of a failed connection, as far as the error tells it. */
export interface ConnectFailure {
  cause:
    | 'refused'
    | 'dns'
    | 'srv'
    | 'login'
    | 'tls'
    | 'timeout'
    | 'protocol'
    | 'no-primary'
    | 'set-name'
    | 'version'
    | 'option'
    | 'unreachable'
    | 'other';
  message: string;
  action: ErrorAction;
}

interface SystemError {
  code?: unknown;
  message: string;
}

/** The error and what it wraps, outermost first: the driver hides the system's error two levels down. */
function chain(error: unknown): SystemError[] {
  const found: SystemError[] = [];
  for (let at = error; at instanceof Error && found.length < 8; at = at.cause) found.push(at);
  const reason = error instanceof MongoServerSelectionError ? error.reason : undefined;
  for (const server of reason?.servers.values() ?? []) {
    for (let at: unknown = server.error; at instanceof Error && found.length < 24; at = at.cause)
      found.push(at);
  }
  return found;
}

const localNames = new Set(['localhost', '127.0.0.1', '::1', '0.0.0.0']);

function localhostHint(address: Address): string {
  if (!address.hosts.some(({ host }) => localNames.has(host))) return '';
  return ' In a container, WSL or a remote window, localhost is that machine and not your own computer.';
}

function certificateSentence(where: string, code: string, text: string): string | null {
  if (/SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_UNTRUSTED/.test(code)) {
    return `The TLS certificate of ${where} is not signed by an authority that this machine knows. Add tlsCAFile=<path to the authority's certificate> to the connection string.`;
  }
  if (/CERT_HAS_EXPIRED/.test(code))
    return `The TLS certificate of ${where} has expired. Renew it on the server.`;
  if (/ALTNAME_INVALID/.test(code)) {
    return `The TLS certificate of ${where} was issued for another host name. Connect by the name that stands in the certificate.`;
  }
  if (
    /before secure TLS connection|wrong version number|EPROTO|packet length too long/.test(`${code} ${text}`)
  ) {
    return `TLS with ${where} failed: the server does not speak TLS on this port, or it requires a client certificate. Take tls=true out of the connection string, or add tlsCertificateKeyFile.`;
  }
  if (/ERR_SSL|ERR_TLS|SSL routines|tlsv1|handshake/i.test(`${code} ${text}`)) {
    return `TLS with ${where} failed. Check the certificates and the TLS options of the connection string.`;
  }
  return null;
}

function serverFailure(error: MongoServerError, address: Address): ConnectFailure | null {
  const where = addressText(address);
  switch (error.code) {
    case 18:
      return {
        cause: 'login',
        message: `${where} refused the login. Check the user name and the password, and that the user lives in the database "${address.authSource}" (option authSource).`,
        action: editConnection,
      };
    case 334:
    case 2:
      return {
        cause: 'login',
        message: `${where} does not offer this way of logging in. Check the option authMechanism of the connection string.`,
        action: editConnection,
      };
    case 13:
      return {
        cause: 'login',
        message: `${where} wants a login. Add the user and the password to the connection.`,
        action: editConnection,
      };
    default:
      return /auth/i.test(error.codeName ?? '') || /authenticat|bad auth/i.test(error.message)
        ? {
            cause: 'login',
            message: `${where} refused the login (code ${error.code}). Check the user name, the password and the option authSource.`,
            action: editConnection,
          }
        : null;
  }
}

/** A replica set that answers but gives members that cannot be reached from here, or has no primary. */
function selectionFailure(error: MongoServerSelectionError, address: Address): ConnectFailure | null {
  const description = error.reason;
  if (!description || !description.type.startsWith('ReplicaSet')) return null;
  const given = new Set(address.hosts.map(({ host, port }) => `${host}:${port}`.toLowerCase()));
  const servers = [...description.servers.entries()];
  const foreign = servers.filter(([name, server]) => !given.has(name) && server.type === 'Unknown');
  const answering = servers.filter(([, server]) => server.type !== 'Unknown');
  if (address.replicaSet && answering.length === 0 && servers.length === 0) {
    return {
      cause: 'set-name',
      message: `${addressText(address)} answers, but it is not a member of a replica set named "${address.replicaSet}". Correct or drop the option replicaSet.`,
      action: editConnection,
    };
  }
  if (foreign.length > 0 && answering.length === 0 && !address.srvName) {
    return {
      cause: 'unreachable',
      message: `The replica set "${description.setName ?? ''}" names its members ${foreign.map(([name]) => name).join(', ')}, which cannot be reached from this machine. Make these names resolve here, or add directConnection=true to talk to the one server only.`,
      action: editConnection,
    };
  }
  return answering.length === 0
    ? null
    : {
        cause: 'no-primary',
        message: `The replica set "${description.setName ?? ''}" has no primary that can be reached now (seen: ${servers.map(([name, server]) => `${name} ${server.type === 'Unknown' ? 'unreachable' : server.type}`).join(', ')}). Wait for the election to end or bring its members up.`,
        action: retry,
      };
}

/** `querySrv ENOTFOUND _mongodb._tcp.…`: the lookup in DNS of a `mongodb+srv://` name. */
function dnsFailure(causes: SystemError[], address: Address): ConnectFailure | null {
  const srv = causes.find(
    ({ message }) => /^query(Srv|Txt|SRV|TXT) /.test(message) || /SRV record/i.test(message),
  );
  if (srv || (address.srvName && causes.some(({ message }) => /No addresses found at host/.test(message)))) {
    const code = typeof srv?.code === 'string' ? ` (${srv.code})` : '';
    const refused = /ECONNREFUSED|ETIMEOUT|ESERVFAIL/.test(code)
      ? ' The DNS server of this machine does not answer SRV queries; the mongodb:// form of the connection string works without them.'
      : ' Check its spelling, or use the mongodb:// form of the connection string.';
    return {
      cause: 'srv',
      message: `DNS has no usable SRV record for ${address.srvName ?? addressText(address)}${code}.${refused}`,
      action: editConnection,
    };
  }
  const lookup = causes.find(
    ({ code, message }) => code === 'ENOTFOUND' || code === 'EAI_AGAIN' || /getaddrinfo/.test(message),
  );
  if (!lookup) return null;
  const name = /getaddrinfo \S+ (\S+)/.exec(lookup.message)?.[1] ?? addressText(address);
  return {
    cause: 'dns',
    message: `The host name ${name} is not known here (DNS). Check its spelling, the network and the VPN.`,
    action: editConnection,
  };
}

function networkFailure(causes: SystemError[], address: Address): ConnectFailure | null {
  const where = addressText(address);
  for (const { code, message } of causes) {
    const text = certificateSentence(where, typeof code === 'string' ? code : '', message);
    if (text) return { cause: 'tls', message: text, action: editConnection };
  }
  const refused = causes.find(
    ({ code, message }) => code === 'ECONNREFUSED' || message.includes('ECONNREFUSED'),
  );
  if (refused) {
    const at = /ECONNREFUSED (\S+)/.exec(refused.message)?.[1] ?? where;
    const both = address.hosts.length === 1 && at !== where ? `${where} (${at})` : where;
    return {
      cause: 'refused',
      message: `Nothing listens on ${both}. Start the server or correct host and port.${localhostHint(address)}`,
      action: retry,
    };
  }
  if (causes.some(({ code }) => code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === 'ENETDOWN')) {
    return {
      cause: 'unreachable',
      message: `There is no network route to ${where}. Check the network and the VPN.`,
      action: retry,
    };
  }
  return null;
}

function optionFailure(error: Error, address: Address): ConnectFailure | null {
  const unsupported = /options? (.+?) (?:is|are) not supported/.exec(error.message)?.[1];
  if (unsupported) {
    return {
      cause: 'option',
      message: `The connection string has an unknown option: ${unsupported.replace(/[^\w, .-]/g, '')}. Correct or drop it.`,
      action: editConnection,
    };
  }
  const missing = /ENOENT.*open '(.+)'/.exec(error.message)?.[1];
  if (missing) {
    return {
      cause: 'option',
      message: `The file ${missing} that the connection string names does not exist.`,
      action: editConnection,
    };
  }
  // An option's value cannot hold the credentials, but the parser may quote more than the option.
  const known = [...address.options].find(([name]) => error.message.toLowerCase().includes(name))?.[1];
  if (
    error.name === 'MongoParseError' ||
    error.name === 'MongoInvalidArgumentError' ||
    error.name === 'MongoAPIError'
  ) {
    return {
      cause: 'option',
      message: known
        ? `The option ${known} of the connection string has a value that does not fit. Correct or drop it.`
        : 'The options of the connection string do not fit together. Correct it.',
      action: editConnection,
    };
  }
  if (error.name === 'MongoMissingDependencyError') {
    return {
      cause: 'login',
      message:
        'This way of logging in needs a package that Migratory does not carry. Use a user and a password or an X.509 certificate.',
      action: editConnection,
    };
  }
  return null;
}

/** What answers at the address below MongoDB's protocol: nothing, something, or something that speaks TLS. */
export type Presence = 'none' | 'socket' | 'tls';

/** What went wrong, in one sentence with what to do. */
export function connectFailure(error: unknown, address: Address, presence: Presence): ConnectFailure {
  const where = addressText(address);
  const causes = chain(error);
  const server = causes.find((cause): cause is MongoServerError => cause instanceof MongoServerError);
  const old = causes.find(({ message }) => /maximum wire version|minimum wire version/.test(message));
  const first = error instanceof Error ? error : new Error(String(error));
  if (old) {
    const supported = /\(MongoDB ([\d.]+)\)/.exec(old.message)?.[1] ?? '4.4';
    const tooOld = old.message.includes('at least');
    return {
      cause: 'version',
      message: `The server at ${where} is too ${tooOld ? 'old' : 'new'}: MongoDB ${supported} is the ${tooOld ? 'oldest' : 'newest'} that Migratory speaks with. Upgrade ${tooOld ? 'the server' : 'Migratory'}.`,
      action: editConnection,
    };
  }
  const found =
    (server ? serverFailure(server, address) : null) ??
    dnsFailure(causes, address) ??
    networkFailure(causes, address) ??
    (error instanceof MongoServerSelectionError ? selectionFailure(error, address) : null) ??
    optionFailure(first, address);
  if (found) return found;
  if (presence === 'tls' && !address.tls) {
    return {
      cause: 'tls',
      message: `${where} speaks TLS only. Add tls=true to the connection string.`,
      action: editConnection,
    };
  }
  if (presence !== 'none') {
    return {
      cause: 'protocol',
      message: `Something listens on ${where}, but it does not answer as a MongoDB server. Check host and port.`,
      action: editConnection,
    };
  }
  return {
    cause: error instanceof MongoServerSelectionError ? 'timeout' : 'other',
    message: `${where} did not answer in time. Check that the server runs and that a firewall or an IP access list lets this machine through.`,
    action: retry,
  };
}

export function connectError(error: unknown, address: Address, presence: Presence): UserError {
  const failure = connectFailure(error, address, presence);
  return new UserError(failure.message, { action: failure.action });
}
