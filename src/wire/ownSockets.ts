// The connections that an author's code opens by itself, seen where every one of them begins: at the sockets of this
// process. So it does not matter which copy or version of a driver it brings, how that was loaded, or when its client
// was made. What becomes of a connection says the guard (engine/ownClients.ts).
import { AsyncLocalStorage } from 'node:async_hooks';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { type LookupFunction, Socket } from 'node:net';
import tls, { type ConnectionOptions, TLSSocket } from 'node:tls';
import { OpCode } from './message';

/** A Unix socket stands as host, with port 0. */
export interface Destination {
  host: string;
  port: number;
}

/** Judges the connections of an author's code. */
export interface SocketGuard {
  /** The way in for a connection that belongs through the door. */
  lead(to: Destination): Lead | undefined;
  /** A connection that is not led begins to speak as a MongoDB client does; an error ends it before it is heard. */
  elsewhere(to: Destination): Error | undefined;
  /** Any connection that is not led. */
  reaches?(to: Destination): void;
}

/** Where a connection is led instead, on loopback. */
export interface Lead {
  port: number;
  /** Called before the first byte is sent. `tls` is how the client would have spoken TLS; it speaks plainly now. */
  announce(localPort: number, tls: ConnectionOptions | undefined): void;
  /** The connection is no more. */
  withdraw(localPort: number): void;
}

/** The mark of the engine's own connections, which no guard sees: they are opened with this `lookup` option. */
export const engineLookup: LookupFunction = (hostname, options, callback) =>
  dns.lookup(hostname, options, callback);

export interface GuardPlace {
  /** Whatever is opened by `work`, and by what it sets going, is seen by the guard. */
  within<T>(work: () => T): T;
  /** Ends the guard, but that of a whole process: what an author's code has left running is still kept in. */
  remove(): void;
}

const context = new AsyncLocalStorage<SocketGuard | undefined>();
let ofProcess: SocketGuard | undefined;
/** Guards that stand, but that of the process. */
let standing = 0;
let hooked = false;

/** For a process that does nothing else: every connection but the engine's own is the author's. */
export function guardProcess(guard: SocketGuard): GuardPlace {
  ofProcess = guard;
  hook();
  return { within: (work) => work(), remove: () => undefined };
}

/** For a process that is not ours: only what is opened within. */
export function guardWithin(guard: SocketGuard): GuardPlace {
  standing += 1;
  hook();
  return {
    within: (work) => context.run(guard, work),
    remove() {
      standing -= 1;
      if (standing === 0 && !ofProcess) unhook();
    },
  };
}

/** Runs what belongs to the surrounding program although an author's code called it. */
export function outsideGuards<T>(work: () => T): T {
  return context.getStore() === undefined ? work() : context.run(undefined, work);
}

interface Announcing {
  on(event: 'connectionCreated', listener: () => void): unknown;
  off(event: 'connectionCreated', listener: () => void): unknown;
}

/**
 * The pool of this client is the surrounding program's, also where an author's code makes it open connections.
 * Every driver tells of a connection right before it opens it.
 * @returns ends that.
 */
export function leaveAlone(client: Announcing): () => void {
  const announced = (): void => {
    ofProgram = true;
    queueMicrotask(() => (ofProgram = false));
  };
  client.on('connectionCreated', announced);
  return () => void client.off('connectionCreated', announced);
}

let ofProgram = false;

function guardNow(): SocketGuard | undefined {
  return ofProgram ? undefined : (context.getStore() ?? ofProcess);
}

// The hooks --------------------------------------------------------------------------------------------------------

type Connect = (this: Socket, ...args: unknown[]) => Socket;
type TlsConnect = (...args: unknown[]) => Socket;

const sockets = Socket.prototype as unknown as { connect: Connect };
const secure = tls as unknown as { connect: TlsConnect };
let connectSocket: Connect;
let connectTls: TlsConnect;

function hook(): void {
  if (hooked) return;
  hooked = true;
  connectSocket = sockets.connect;
  connectTls = secure.connect;
  sockets.connect = connectGuarded;
  secure.connect = connectTlsGuarded;
  // For those who import it by name.
  syncBuiltinESMExports();
}

function unhook(): void {
  // Whoever has hooked over us meanwhile keeps calling ours, which do nothing without a guard.
  if (sockets.connect !== connectGuarded || secure.connect !== connectTlsGuarded) return;
  hooked = false;
  sockets.connect = connectSocket;
  secure.connect = connectTls;
  syncBuiltinESMExports();
}

function connectGuarded(this: Socket, ...args: unknown[]): Socket {
  const guard = guardNow();
  const to = guard && destinationOf(args);
  if (!guard || !to) return connectSocket.apply(this, args);
  // What speaks TLS here has gone past the other hook, and the door cannot answer it.
  const lead = this instanceof TLSSocket ? undefined : guard.lead(to);
  if (!lead) {
    guard.reaches?.(to);
    connectSocket.apply(this, args);
    // Afterwards: connecting puts the methods of a socket back to what they were.
    listen(this, () => guard.elsewhere(to));
    return this;
  }
  return leadIn(this, lead, undefined, listOf(args).find(isFunction));
}

function connectTlsGuarded(...args: unknown[]): Socket {
  const guard = guardNow();
  const to = guard && destinationOf(args);
  if (!guard || !to) return connectTls(...args);
  const options: ConnectionOptions | undefined = args.find(isObject);
  if (options?.socket) {
    // Over a connection that is there already, through a proxy for instance.
    const over = connectTls(...args);
    listen(over, () => guard.elsewhere(to));
    return over;
  }
  const lead = guard.lead(to);
  if (!lead) return connectTls(...args);
  const socket = new Socket();
  const whenSecure = args.find(isFunction);
  if (whenSecure) socket.once('secureConnect', whenSecure);
  leadIn(socket, lead, options ?? {}, () => socket.emit('secureConnect'));
  return socket;
}

type Callback = (...args: unknown[]) => void;

function leadIn(
  socket: Socket,
  lead: Lead,
  secured: ConnectionOptions | undefined,
  connected?: Callback,
): Socket {
  socket.once('connect', () => {
    const { localPort } = socket;
    if (localPort === undefined) return;
    lead.announce(localPort, secured);
    socket.once('close', () => lead.withdraw(localPort));
  });
  return connectSocket.call(socket, { host: '127.0.0.1', port: lead.port }, connected);
}

// Reading what is asked for ----------------------------------------------------------------------------------------

/** `net.connect` hands its arguments on as one list. */
function listOf(args: unknown[]): unknown[] {
  return Array.isArray(args[0]) ? args[0] : args;
}

/** Undefined for the engine's own connections, and for what will fail anyway. */
function destinationOf(args: unknown[]): Destination | undefined {
  const list = listOf(args);
  const [first, second] = list;
  const options = (list.find(isObject) ?? {}) as {
    lookup?: unknown;
    path?: unknown;
    host?: unknown;
    port?: unknown;
  };
  if (options.lookup === engineLookup) return undefined;
  const numbered = typeof first === 'number' || (typeof first === 'string' && /^\d+$/.test(first));
  const path = typeof first === 'string' && !numbered ? first : options.path;
  if (typeof path === 'string') return { host: path, port: 0 };
  const port = Number(numbered ? first : options.port);
  const host = numbered && typeof second === 'string' ? second : options.host;
  return { host: typeof host === 'string' && host !== '' ? host : 'localhost', port };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isFunction(value: unknown): value is Callback {
  return typeof value === 'function';
}

// Connections elsewhere --------------------------------------------------------------------------------------------

/** A greeting comes first, or after what a proxy is told. */
const WRITES_LISTENED_TO = 8;

function listen(socket: Socket, hears: () => Error | undefined): void {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  let left = WRITES_LISTENED_TO;
  const listening = (chunk: unknown, ...rest: unknown[]): boolean => {
    const greeting = isGreeting(chunk);
    left -= 1;
    if ((greeting || left === 0) && (socket as { write: unknown }).write === listening)
      Reflect.deleteProperty(socket, 'write');
    const error = greeting ? hears() : undefined;
    if (!error) return write(chunk, ...rest);
    socket.destroy(error);
    return false;
  };
  (socket as { write: unknown }).write = listening;
}

/** The first message of a MongoDB client is a request of one of two kinds, and answers nothing. */
function isGreeting(chunk: unknown): boolean {
  if (!(chunk instanceof Uint8Array) || chunk.length < 16) return false;
  const head = Buffer.from(chunk.buffer, chunk.byteOffset, 16);
  const opCode = head.readInt32LE(12);
  return (
    head.readInt32LE(0) >= chunk.length &&
    head.readInt32LE(8) === 0 &&
    (opCode === OpCode.message || opCode === OpCode.query)
  );
}
