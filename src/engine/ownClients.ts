// Clients that an author's code opens by itself, with whatever driver it brings. To the run's own cluster they are led
// through a door of their own, which knows the function that is at work; to others they are a warning, and refused in
// a dry run.
import { UserError } from '../protocol/errors';
import { type Door, type DoorCommand, DoorRefusal, type DoorHooks, isDoor, openDoor } from '../wire/door';
import {
  type Destination,
  type GuardPlace,
  guardProcess,
  guardWithin,
  type Lead,
  type SocketGuard,
} from '../wire/ownSockets';
import type { MigrationLog } from '../migration/kinds';
import { hostText } from './address';
import { OutsideCalls } from './outsideCalls';
import { type Connection, primaryAddress } from './connect';
import { SameCluster } from './sameCluster';

export interface OwnClientsOptions {
  connection: Connection;
  dryRun: boolean;
  /** Nothing but this run lives in the process: every connection is the engine's or the author's. */
  wholeProcess: boolean;
  /** As everywhere: waits while paused, throws when the run has to end. */
  gate: () => Promise<void>;
  /** Aborted when the run has to end. */
  signal: AbortSignal;
  /** What is to be told of own clients, and what an author’s code says outside its steps. */
  log: MigrationLog;
}

/** What an author's code in another process needs, which leads its clients to the door by itself. */
export interface Outlet {
  /** Of the door of own clients, with credentials and token; undefined where scripts have no door at all. */
  uri: string | undefined;
  database: string;
  dryRun: boolean;
  /** The servers of the cluster, as SameCluster names them. */
  cluster(): string[];
  /** A client to another server was made; an error ends the code. */
  elsewhere(to: Destination): Error | undefined;
  /** Heard of what the code does outside of the database, in a dry run. */
  outside: OutsideCalls | undefined;
  log: MigrationLog;
  signal: AbortSignal;
}

/** What happens to the commands of own clients while one function is at work. */
export type OwnClientHooks = Partial<Pick<DoorHooks, 'before' | 'after'>> & {
  redirect?: (database: string) => string;
};

export class OwnClients implements SocketGuard {
  readonly #options: OwnClientsOptions;
  readonly #cluster: SameCluster;
  readonly #warned = new Set<string>();
  #place: GuardPlace | undefined;
  #door: Door | undefined;
  readonly #reading: OwnClientHooks = { before: (command) => this.#refuseWrites(command) };
  #hooks = this.#reading;
  /** Ends what runs, once it has been refused a connection. */
  #refuse: (error: UserError) => void = () => undefined;
  #closed = false;
  /** How often code was kept from writing that may only read. */
  refusedWrites = 0;
  /** What the code does outside of the database; in a dry run. */
  readonly outside: OutsideCalls | undefined;

  private constructor(options: OwnClientsOptions, cluster: SameCluster) {
    this.#options = options;
    this.#cluster = cluster;
    this.outside = options.dryRun ? new OutsideCalls() : undefined;
  }

  /** From now on connections of authors' code are seen. */
  static async open(options: OwnClientsOptions): Promise<OwnClients> {
    const own = new OwnClients(options, SameCluster.of(options.connection));
    own.#door = await own.#openDoor();
    own.#place = options.wholeProcess ? guardProcess(own) : guardWithin(own);
    return own;
  }

  /**
   * Runs an author's code: the connections that it opens, now or later, are its own clients'.
   * @param hooks see the commands of own clients meanwhile; without any they may only read.
   * @throws UserError as soon as a connection was refused, even if the code would go on trying.
   */
  async run<T>(work: () => Promise<T> | T, hooks: OwnClientHooks = this.#reading): Promise<T> {
    const outer = { hooks: this.#hooks, refuse: this.#refuse };
    this.#hooks = hooks;
    const refused = new Promise<never>((_resolve, reject) => (this.#refuse = reject));
    try {
      return await Promise.race([this.#within(async () => work()), refused]);
    } finally {
      this.#hooks = outer.hooks;
      this.#refuse = outer.refuse;
    }
  }

  get outlet(): Outlet {
    const { connection, dryRun, log, signal } = this.#options;
    return {
      uri: this.#door?.uri,
      database: connection.target.database,
      dryRun,
      cluster: () => this.#cluster.names,
      elsewhere: (to) => this.elsewhere(to),
      outside: this.outside,
      log,
      signal,
    };
  }

  /** Resolves when what was sent until now without waiting for a reply has gone its way. */
  async heard(): Promise<void> {
    await this.#door?.heard();
  }

  /** Ends the connections that are led now, for a script that does not end by itself. */
  interrupt(): void {
    this.#door?.interrupt();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.outside?.close();
    this.#place?.remove();
    await this.#door?.close();
  }

  // The guard -----------------------------------------------------------------------------------------------------

  lead(to: Destination): Lead | undefined {
    const door = this.#door;
    if (!door || this.#closed || !this.#cluster.has(to)) return undefined;
    const expected = new Map<number, () => void>();
    return {
      port: door.port,
      announce: (localPort, tls) =>
        void expected.set(localPort, door.expect(localPort, { address: hostText(to), tls })),
      withdraw: (localPort) => expected.get(localPort)?.(),
    };
  }

  reaches(to: Destination): void {
    if (!isDoor(to)) this.outside?.note('connection', hostText(to));
  }

  elsewhere(to: Destination): Error | undefined {
    if (isDoor(to)) return undefined;
    const { dryRun, wholeProcess, log } = this.#options;
    const place = hostText(to);
    // In a program that goes on, a client may be meant to outlive the migration that was the first to need it.
    if (this.#closed)
      return dryRun || wholeProcess ? new Error('The run that this client belongs to has ended.') : undefined;
    if (dryRun) {
      const error = new UserError(
        `The migration opens a MongoClient of its own to ${place}, which is not known to belong to the cluster of this run. ` +
          'A dry run could not keep its writes from there, so it was refused.',
      );
      this.#refuse(error);
      return error;
    }
    if (!this.#warned.has(place)) {
      this.#warned.add(place);
      log.warn(
        `The migration opens a MongoClient of its own to ${place}, which is not known to belong to the cluster of this run: ` +
          'what it does there has no journal, cannot be undone, and cannot be paused.',
      );
    }
    return undefined;
  }

  // The door ------------------------------------------------------------------------------------------------------

  #within<T>(work: () => T): T {
    const { outside } = this;
    const seen = outside ? () => outside.within(work) : work;
    return this.#place ? this.#place.within(seen) : seen();
  }

  /** Undefined where scripts have no door at all; their own clients are then treated like those to other hosts. */
  async #openDoor(): Promise<Door | undefined> {
    const { connection, dryRun, gate, log } = this.#options;
    try {
      return await openDoor({
        upstream: { uri: connection.target.uri, primary: () => primaryAddress(connection) },
        redirect: dryRun ? (database) => this.#hooks.redirect?.(database) ?? database : undefined,
        hooks: {
          fence: gate,
          before: async (command) => this.#hooks.before?.(command),
          after: (command, reply) => this.#hooks.after?.(command, reply),
          refused: (name, reason) => log.warn(`The command "${name}" was refused: ${reason}`),
        },
      });
    } catch (error) {
      if (error instanceof UserError) return undefined;
      throw error;
    }
  }

  async #refuseWrites({ kind, name }: DoorCommand): Promise<void> {
    if (kind !== 'write' && kind !== 'catalogue') return;
    this.refusedWrites += 1;
    throw new DoorRefusal(
      `"${name}" came from a client of the migration's own while neither its up nor its down was at work. ` +
        'Write only there, and await every write.',
    );
  }
}
