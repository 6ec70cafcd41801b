// Connection strings as people see them: the short name of a target, the string without its secrets, and what is
// wrong with one while it is being typed. Small enough for the editor; connecting (engine/connect.ts) reads
// connection strings with the driver's own parser.
import { redact } from '../protocol/redact';

interface ParsedUri {
  srv: boolean;
  /** As written, without defaults: `a:1`, `[::1]:2`, `cluster.example.net`. */
  hosts: string[];
  /** Decoded; empty when the string names none. */
  database: string;
}

const shape = /^mongodb(\+srv)?:\/\/(?:([^/?#]*)@)?([^/?#]*)(?:\/([^?#]*))?(?:\?.*)?$/i;
/** More hosts than these are only counted. */
const hostsShown = 2;

function parse(uri: string): ParsedUri | undefined {
  const [, srv, , hosts, database] = shape.exec(uri.trim()) ?? [];
  if (hosts === undefined || hosts === '') return undefined;
  return { srv: srv !== undefined, hosts: hosts.split(','), database: decode(database ?? '') };
}

/** The database that a connection string names in its path; empty without one. */
export function databaseInUri(uri: string): string {
  return parse(uri)?.database ?? '';
}

/** A target in words, as lenses and confirmations show it: `shop on localhost:27017`. Never holds a secret. */
export function describeTarget(target: { uri: string; database: string }): string {
  const database = target.database || databaseInUri(target.uri) || '(no database)';
  const variable = /\$\{env:([^}]*)\}/.exec(target.uri)?.[1];
  if (variable !== undefined) return `${database} on $${variable}`;
  // What stands at the place of the host in a malformed string may be a part of the password.
  const parsed = validateUri(target.uri) === undefined ? parse(target.uri) : undefined;
  if (!parsed) return `${database} on (unreadable address)`;
  const hosts = parsed.hosts.map((host) => (parsed.srv ? host : withPort(decode(host))));
  const shown = hosts.slice(0, hostsShown).join(', ');
  return `${database} on ${shown}${hosts.length > hostsShown ? ` (${hosts.length} hosts)` : ''}`;
}

function withPort(host: string): string {
  const isSocket = host.includes('/');
  return isSocket || /:\d+$/.test(host.replace(/^\[.*\]/, '')) ? host : `${host}:27017`;
}

/** Percent-decoded; as it stands where that is not possible. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The connection string without user and password and with secret options hidden. */
export function redactUri(uri: string): string {
  return redact(uri.trim()).replace(/(mongodb(?:\+srv)?:\/\/)<credentials>@/gi, '$1');
}

/** What is wrong with a connection string, as one sentence for whoever types it; undefined when nothing is. */
export function validateUri(uri: string): string | undefined {
  const text = uri.trim();
  if (text === '') return 'The connection string is empty; it looks like mongodb://localhost:27017/shop.';
  const start = /^mongodb(\+srv)?:\/\//i.exec(text);
  if (!start) return 'A connection string starts with mongodb:// or mongodb+srv://.';
  if (/\s/.test(text)) return 'The connection string has a space in it.';
  if (/\$\{env:[^}]*\}/.test(text)) return undefined;
  const [, , user, hosts] = shape.exec(text) ?? [];
  const encoded =
    'In the user name and the password, characters like @ : / ? # % are written percent-encoded (@ is %40).';
  const [behindUser = '', query = ''] = text
    .slice(start[0].length + (user === undefined ? 0 : user.length + 1))
    .split('?');
  const strayAt = behindUser.includes('@') || /^[^=]*@/.test(query);
  if (hosts === undefined || strayAt || (user !== undefined && !isEncoded(user))) return encoded;
  if (hosts === '') return 'The connection string names no host.';
  return start[1] === undefined ? hostsProblem(hosts.split(',')) : srvProblem(hosts);
}

function isEncoded(userInfo: string): boolean {
  return !/%(?![0-9a-f]{2})/i.test(userInfo) && userInfo.split(':').length <= 2 && !userInfo.includes('@');
}

function srvProblem(host: string): string | undefined {
  if (!/[,:]/.test(host)) return undefined;
  return 'With mongodb+srv:// there is one host name and no port; DNS knows the rest.';
}

function hostsProblem(hosts: string[]): string | undefined {
  for (const host of hosts) {
    if (host === '') return 'There is a comma too many between the hosts.';
    const port = /^(?:\[[^\]]*\]|[^:]*)(?::([^:]*))?$/.exec(host);
    if (!port) return `"${host}" is no host; an IPv6 address stands in brackets, like [::1]:27017.`;
    if (
      port[1] !== undefined &&
      !(/^\d+$/.test(port[1]) && Number(port[1]) >= 1 && Number(port[1]) <= 65535)
    ) {
      return `The port "${port[1]}" is not a number from 1 to 65535.`;
    }
  }
  return undefined;
}
