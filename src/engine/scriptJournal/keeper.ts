// What the parts of a script's journal share: the run's rows, the collections as the script leaves them, and names for
// what is put aside.
import { UUID, type Binary, type ClientSession, type Db, type MongoClient } from 'mongodb';
import { dataOf } from '../../transfer/raw';
import type { TransferContext } from '../../transfer/types';
import { DoorRefusal, type DoorCommand } from '../../wire/door';
import { OplogReader } from './oplogReader';
import type { ScriptRows } from './rows';
import { OwnSession } from './transaction';

export interface KeeperOptions {
  client: MongoClient;
  rows: ScriptRows;
  /** Whether the deployment has multi-document transactions. */
  transactions: boolean;
  /** The server is the only member of its replica set. */
  alone: boolean;
  signal: AbortSignal;
  /** Waits while the run is paused; throws when it has to end. */
  gate(): Promise<void>;
  /** Most documents that a part of a command may change, so that a throttle is kept. */
  mostAtOnce(): number;
  warn(message: string): void;
  /** What the kernel needs to change documents for the script. */
  context(): TransferContext;
  /** Hears of the documents that a part of a command has changed, before the command is answered. */
  changed(command: DoorCommand, count: number, ms: number): void;
  /** Outlives a drop of its database. */
  ledger?: { database: string; collection: string };
  /** What cannot be undone may pass: the migration is marked irreversible. */
  irreversible: boolean;
}

export class Keeper {
  readonly client: MongoClient;
  readonly rows: ScriptRows;
  readonly namespaces: Namespaces;
  readonly signal: AbortSignal;
  readonly #sessions = new Map<number, OwnSession>();
  readonly #noted = new Set<string>();
  /** Sessions of the engine's own client, for what is done beside the script's connection. */
  readonly #lanes: ClientSession[] = [];
  readonly #free: ClientSession[] = [];
  readonly #reader: OplogReader | undefined;

  constructor(readonly options: KeeperOptions) {
    this.client = options.client;
    this.rows = options.rows;
    this.signal = options.signal;
    this.namespaces = new Namespaces(options.client);
    if (options.alone) this.#reader = new OplogReader(this.client.db(this.rows.database));
  }

  gate(): Promise<void> {
    return this.options.gate();
  }

  warn(message: string): void {
    this.options.warn(message);
  }

  changed(command: DoorCommand, count: number, ms: number): void {
    this.options.changed(command, count, ms);
  }

  /**
   * Changes that nothing can take back pass only where the author says that there is no way back.
   * @throws DoorRefusal otherwise.
   */
  passUnkept(reason: string): void {
    if (!this.options.irreversible) {
      throw new DoorRefusal(
        `Migratory does not let this pass while it keeps a journal: ${reason}. ` +
          "Mark the migration `irreversible: true`, or set `backup: 'none'` in the config.",
        { code: 115, codeName: 'CommandNotSupported' },
      );
    }
    this.warn(`Without a way back: ${reason}.`);
  }

  /** Our session for the commands of a socket, which come one after the other. */
  async session({ socket }: DoorCommand): Promise<OwnSession> {
    this.#reader?.command();
    let session = this.#sessions.get(socket);
    if (!session) {
      session = new OwnSession();
      this.#sessions.set(socket, session);
      await this.#note(session.id);
    }
    return session;
  }

  async noteScriptSession({ lsid }: DoorCommand): Promise<void> {
    const id = lsid?.['id'] as Binary | undefined;
    if (id) await this.#note(dataOf(id));
  }

  /** Sessions that nobody else uses until they are given back. */
  async borrow(count: number): Promise<ClientSession[]> {
    const sessions = this.#free.splice(0, count);
    const made = Array.from({ length: count - sessions.length }, () =>
      this.client.startSession({ causalConsistency: false }),
    );
    this.#lanes.push(...made);
    await Promise.all(made.map(({ id }) => this.#note(dataOf(id?.id as Binary))));
    return [...sessions, ...made];
  }

  giveBack(sessions: readonly ClientSession[]): void {
    this.#free.push(...sessions);
  }

  /** So that a runner that takes over can end what this one has left open. */
  async #note(id: Buffer): Promise<void> {
    const key = id.toString('hex');
    if (this.#noted.has(key)) return;
    this.#noted.add(key);
    await this.rows.note('session', { lsid: { id: new UUID(id) } });
  }

  /** Ends our sessions, and with them what may still be open in them. */
  async close(): Promise<void> {
    await Promise.all([this.#reader?.close(), ...this.#lanes.map((session) => session.endSession())]);
    const sessions = [...this.#sessions.values()].map(({ id }) => ({ id: new UUID(id) }));
    if (sessions.length === 0) return;
    await this.client
      .db('admin')
      .command({ killSessions: sessions })
      .catch(() => undefined);
  }
}

export interface CollectionFacts {
  kind: 'collection' | 'capped' | 'timeseries' | 'view';
}

/** Our own collections: never journaled, never shown to a script, never written by one. */
export function isOurs(collection: string): boolean {
  return collection.startsWith('_migratory_');
}

/** What is known of the collections; asked of the server once for each. */
export class Namespaces {
  readonly #known = new Map<string, CollectionFacts>();

  constructor(private readonly client: MongoClient) {}

  db(database: string): Db {
    return this.client.db(database);
  }

  async facts(database: string, collection: string): Promise<CollectionFacts | undefined> {
    const name = `${database}.${collection}`;
    const known = this.#known.get(name);
    if (known) return known;
    const [info] = await this.db(database)
      .listCollections({ name: collection }, { nameOnly: false })
      .toArray();
    if (!info) return undefined;
    const facts: CollectionFacts = { kind: kindOf(info) };
    this.#known.set(name, facts);
    return facts;
  }

  forget(database: string, collection?: string): void {
    for (const name of this.#known.keys()) {
      const fits =
        collection === undefined ? name.startsWith(`${database}.`) : name === `${database}.${collection}`;
      if (fits) this.#known.delete(name);
    }
  }
}

function kindOf(info: { type?: string; options?: { capped?: boolean } }): CollectionFacts['kind'] {
  if (info.type === 'view') return 'view';
  if (info.type === 'timeseries') return 'timeseries';
  return info.options?.capped ? 'capped' : 'collection';
}

/** Makes a collection that a write of the script would make by the way, so that it can be taken back. */
export async function createForWrite(
  { rows, namespaces }: Keeper,
  database: string,
  collection: string,
): Promise<void> {
  const seq = await rows.note('create', { database, collection });
  try {
    await namespaces.db(database).createCollection(collection);
  } catch {
    // There already, or not possible: the script's own command says why.
    await rows.remove([seq]);
  }
}
