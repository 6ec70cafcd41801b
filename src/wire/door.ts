// The one door for scripts: a proxy on loopback between a script's own driver and MongoDB. This file is what the
// engine sees of it; src/wire/link.ts serves one socket of a script, src/wire/commands.ts says what may pass.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Document } from 'mongodb';
import type { ReplyLook } from './replyLook';
import { Bulks } from './bulks';
import { appNameOf, parseUri, tlsOptions, uriForScript } from './address';
import { admittedAppName, appNameIn } from './hello';
import { Link, type LinkHost } from './link';
import { Redirection } from './redirection';
import { Upstream, connectUpstream } from './upstream';
import type { Destination } from './ownSockets';

export { DoorRefusal } from './refusal';

/**
 * What a command does: `read` data or catalogue, `write` documents, change the `catalogue` (collections, indexes,
 * options), end or begin a `session` or transaction, `handshake` (hello, authentication: no hook sees it), or
 * `control` (the server itself: ping, serverStatus, currentOp, ...).
 */
export type CommandKind = 'read' | 'write' | 'catalogue' | 'session' | 'handshake' | 'control';

/** One namespace that a command touches, also by `$lookup`, `$unionWith`, `$merge`, `$out` or a rename. */
export interface TouchedNamespace {
  /** As the script named it. */
  database: string;
  /** Where it really goes: `redirect(database)` in a dry run, else the same. */
  target: string;
  /** Absent where the whole database is meant (dropDatabase, listCollections, a change stream on a database). */
  collection?: string;
  access: 'read' | 'write';
}

/** The payload of a kind 1 section: `documents` of an insert, `updates`, `deletes`, `ops`, `nsInfo`. */
export interface DocumentSequence {
  identifier: string;
  /** Raw BSON, one per document. */
  documents: Uint8Array[];
}

/** Own commands on the script's own upstream connection, e.g. inside the script's transaction. */
export interface UpstreamChannel {
  /**
   * Sends a command (with its `$db`; real names, nothing is redirected) and gives the decoded reply, also when
   * `ok` is 0. Commands sent without waiting in between go back to back and are answered in order.
   * Rejects when the connection is lost.
   */
  send(body: Document, sequences?: DocumentSequence[]): Promise<Document>;
  /** The same with raw BSON in and out, where types and field order have to survive. */
  sendRaw(body: Uint8Array, sequences?: DocumentSequence[]): Promise<Uint8Array>;
}

/** One command of a script, before it is forwarded. */
export interface DoorCommand {
  /** As the script spelled it, e.g. `findAndModify`. */
  name: string;
  kind: CommandKind;
  /** As the script named it; of a rename, the source's database. */
  database: string;
  /** Where the command really goes: `redirect(database)` in a dry run, else the same. */
  target: string;
  /** The collection that the command names first, where it names one. */
  collection?: string;
  namespaces: TouchedNamespace[];
  /**
   * The whole command as the script sent it, kind 1 sections included as arrays; decoded at first use and with its
   * types kept (numbers are Int32, Double and Long objects, regular expressions BSONRegExp).
   */
  readonly body: Document;
  /** The same as bytes and as it will be forwarded (redirected in a dry run). */
  readonly raw: { body: Uint8Array; sequences: DocumentSequence[] };
  /** Part of a transaction that the script itself has opened. */
  inTransaction: boolean;
  /** First statement of that transaction: whoever sends something before it takes over `startTransaction`. */
  startsTransaction: boolean;
  readonly lsid?: Document;
  /** Kept as Long, the type that the server asks for. */
  readonly txnNumber?: unknown;
  /** The script waits for no reply (`w: 0`). */
  unacknowledged: boolean;
  /** One number per socket of this process's scripts; commands of one socket come strictly one after the other. */
  socket: number;
  upstream: UpstreamChannel;
}

/** What became of a command: only what can be had without decoding documents. */
export interface DoorReply extends ReplyLook {
  /** The connection was lost before the reply came: nobody knows what happened. */
  lost?: boolean;
  /** From forwarding to the end of the reply, in milliseconds. */
  durationMs: number;
}

/** `reply` answers instead of the server, as a document or as raw BSON (must hold `ok`). */
export interface BeforeResult {
  reply: Document | Uint8Array;
}

/** All hooks but `after` may throw: a DoorRefusal as it says, any other error as reply Interrupted (11601). */
export interface DoorHooks {
  /**
   * Awaited before every command but handshake, authentication and the ones that only let go (endSessions,
   * abortTransaction, killCursors). Resolves late while paused; throws when the lease is lost or on cancel.
   */
  fence(): Promise<void>;
  /** Awaited after the fence and before forwarding; not called for handshakes. */
  before(command: DoorCommand): Promise<BeforeResult | void>;
  /**
   * For counting, and must not throw: once per reply, also for one given by `before`; not for handshakes and
   * unacknowledged commands.
   */
  after(command: DoorCommand, reply: DoorReply): void;
  /** A command was refused by the table or by the redirection, with the sentence that the script gets. */
  refused(name: string, reason: string): void;
}

export interface DoorOptions {
  upstream: {
    /** Of the connection: credentials, authSource, database, TLS and driver options are taken from it. */
    uri: string;
    /** Asked for each new socket of the script. A `host` that begins with `/` is a Unix socket. */
    primary(): Promise<{ host: string; port: number; tls?: ConnectionOptions }>;
    /** Where the credentials live, if the uri alone does not say it (mongodb+srv keeps it in DNS). */
    authSource?: string;
    /** What the server sees as application name, e.g. for `$currentOp`; default the uri's own or `migratory`. */
    appName?: string;
  };
  hooks: DoorHooks;
  /** Dry run: maps a database to its scratch database. Not asked for admin, config and local. */
  redirect?: (database: string) => string;
}

export interface Door {
  /** What the script's client gets. Holds credentials and the token: never in argv, environment or logs. */
  uri: string;
  port: number;
  /** What an application name has to begin with to be let in (the uri carries it). */
  token: string;
  /** Lets one connection of this process in without the token. Gives the way to take that back. */
  expect(localPort: number, guest: Guest): () => void;
  /** Resolves when everything has gone its way that was sent until now without waiting for a reply (`w: 0`). */
  heard(): Promise<void>;
  /** Ends every socket at once; new ones may come. */
  interrupt(): void;
  /** Closes the port and every socket at once. */
  close(): Promise<void>;
}

/** A connection of this process that was meant for the server and is led here (ownSockets.ts). */
export interface Guest {
  /** `host:port` that it was meant for; it hears that this is the only member. */
  address: string;
  /** How it would have spoken TLS with the server; default: as the connection of the run does. */
  tls?: ConnectionOptions;
}

const ports = new Set<number>();
let sockets = 0;

/** Whether this is one of our doors, whose own clients hold the token. */
export function isDoor({ host, port }: Destination): boolean {
  return host === '127.0.0.1' && ports.has(port);
}

/** Opens the door on a free port of loopback. */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const uri = parseUri(options.upstream.uri);
  const tls = await tlsOptions(uri);
  const token = randomBytes(32).toString('base64url');
  const appName = options.upstream.appName ?? appNameOf(uri) ?? 'migratory';
  const links = new Set<Link>();
  const guests = new Map<number, Guest>();
  const server = createServer((socket) => links.add(new Link(host, socket, ++sockets)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  ports.add(port);

  const host: LinkHost = {
    hooks: options.hooks,
    redirection: options.redirect && new Redirection(options.redirect),
    bulks: new Bulks(),
    admit: (hello, from) => {
      const guest = from === undefined ? undefined : guests.get(from);
      // Whoever has this port after it comes as a stranger.
      if (from !== undefined) guests.delete(from);
      const own = guest ? (appNameIn(hello) ?? '') : admittedAppName(hello, token);
      if (own === undefined) return undefined;
      return {
        appName: own === '' ? appName : `${appName} ${own}`,
        address: `127.0.0.1:${port}`,
        ...guest,
      };
    },
    connect: async (who, onLost) => {
      const primary = await options.upstream.primary();
      const socket = await connectUpstream({ ...primary, tls: who.tls ?? primary.tls ?? tls });
      return new Upstream(socket, keyOf(primary), onLost);
    },
    moved: async (key) => {
      const now = await options.upstream.primary().then(keyOf, () => undefined);
      for (const link of links) if (now !== key && link.key === key) link.retire();
    },
    closed: (link) => links.delete(link),
  };

  return {
    uri: uriForScript(uri, port, token, options.upstream.authSource),
    port,
    token,
    expect: (localPort, guest) => {
      guests.set(localPort, guest);
      return () => void (guests.get(localPort) === guest && guests.delete(localPort));
    },
    heard: async () => {
      await received();
      await Promise.all([...links].map((link) => link.heard()));
    },
    interrupt: () => {
      for (const link of links) link.destroy();
    },
    close: async () => {
      const closed = once(server, 'close');
      ports.delete(port);
      server.close();
      for (const link of links) link.destroy();
      await closed;
    },
  };
}

function keyOf({ host, port }: { host: string; port: number }): string {
  return `${host}:${port}`;
}

/** What was sent over loopback has come in once the sockets were looked at in a whole turn of the event loop. */
async function received(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}
