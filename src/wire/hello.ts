// Greetings through the door: who is let in, what the server hears of the client, and how a server's answer is
// turned so that every driver takes the proxy for the only member. Compression is negotiated away both ways.
import { createHash, timingSafeEqual } from 'node:crypto';
import {
  BsonType,
  ElementWalk,
  editDocument,
  editString,
  elementOf,
  encodeElements,
  encodeString,
  isDocument,
  stringValue,
} from './rawBson';

const HELLOS = new Set(['hello', 'isMaster', 'ismaster']);

export function isHello(name: string): boolean {
  return HELLOS.has(name);
}

/** Servers refuse longer application names. */
const APP_NAME_BYTES = 128;

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** What a client calls itself. */
export function appNameIn(hello: Buffer): string | undefined {
  const client = elementOf(hello, 'client');
  const application = isDocument(client) ? elementOf(client.value, 'application') : undefined;
  return isDocument(application) ? stringValue(elementOf(application.value, 'name')) : undefined;
}

/** The application name of a client that may come in, without the token; undefined for everybody else. */
export function admittedAppName(hello: Buffer, token: string): string | undefined {
  const name = appNameIn(hello);
  // Compared as digests, so that the time it takes tells nothing about the token.
  const given = digest((name ?? '').slice(0, token.length));
  if (!timingSafeEqual(given, digest(token)) || name === undefined) return undefined;
  return name.slice(token.length).trim();
}

/** What goes to the server: no compression, and an application name without the token. */
export function helloForServer(hello: Buffer, appName: string): Buffer {
  // A letter that is cut in two at the end becomes a replacement character, and goes.
  const name = Buffer.from(appName)
    .subarray(0, APP_NAME_BYTES)
    .toString()
    .replace(/\uFFFD+$/, '');
  return editDocument(hello, {
    compression: () => null,
    client: { application: { name: editString(() => name) } },
  });
}

/** What goes to the script: the proxy is the only host there is. */
export function helloForScript(reply: Buffer, address: string): Buffer {
  const host = encodeString(address);
  const hosts = encodeElements([{ type: BsonType.string, name: '0', value: host }]);
  return editDocument(reply, {
    hosts: () => hosts,
    me: () => host,
    primary: () => host,
    passives: () => null,
    arbiters: () => null,
    compression: () => null,
  });
}

/** A member of a replica set that takes no writes now. */
export function isUnwritableMember(reply: Buffer): boolean {
  const walk = new ElementWalk(reply);
  let member = false;
  let writable = false;
  while (walk.next()) {
    const name = walk.name;
    if (name === 'setName' || name === 'isreplicaset') member = true;
    if ((name === 'isWritablePrimary' || name === 'ismaster') && walk.number === 1) writable = true;
  }
  return member && !writable;
}
