// Progress of scripts that report nothing, out of the commands that pass the door: totals from the filters of the
// finds and of the updates and deletes by filter, work done from the replies.
import type { ClientSession, Collection, Db, Document } from 'mongodb';
import type { DoorCommand, DoorReply } from '../wire/door';
import { elementOf } from '../wire/rawBson';
import { listIn } from './scriptJournal/reply';
import { asBuffer } from './scriptJournal/transaction';

/** A count that takes longer is not worth the load: the progress then shows documents without a total. */
const countTimeoutMs = 3_000;
/** A write that is through by then is not counted: its reply tells how many documents there were. */
const countAfterMs = 200;
/** Reads smaller than this are look-ups of single documents, not the loop that drives the script. */
const smallestLoop = 50;

export interface ProgressSink {
  batch(count: number, ms: number): void;
  setTotal(total: number | null): void;
  setActivity(activity: string | undefined): void;
  /** Documents that the script has written, at once and not as loops count them. */
  written(count: number): void;
}

interface Loop {
  total: number;
  done: number;
  /** Documents that the script has got and may still be working on. */
  held: number;
}

export class ObservedProgress {
  readonly #database: (command: DoorCommand) => Db;
  readonly #sink: ProgressSink;
  readonly #cursors = new Map<string, Promise<Loop | null>>();
  /** Loops with documents in hand, in the order in which they got them. */
  readonly #holding = new Set<Loop>();
  readonly #counting = new WeakMap<DoorCommand, Promise<Loop | null>>();
  readonly #parts = new WeakMap<DoorCommand, number>();
  /** Writes whose documents are not counted yet, with who wants to hear how many they are. */
  readonly #uncounted = new Map<DoorCommand, (total: number) => void>();
  #total = 0;
  #written = 0;
  #reported = 0;
  #inLoops = 0;

  /** @param database gives the database that a command really goes to, on the engine's own connection. */
  constructor(database: (command: DoorCommand) => Db, sink: ProgressSink) {
    this.#database = database;
    this.#sink = sink;
  }

  async before(command: DoorCommand): Promise<void> {
    if (command.kind === 'catalogue' || command.kind === 'write') this.#sink.setActivity(describe(command));
    const filter = loopFilter(command);
    if (!filter) return;
    const collection = this.#database(command).collection(command.collection ?? '');
    // An update takes its documents out of its own filter: they are counted as they were before it.
    const isWrite = command.kind === 'write' && !isAll(filter);
    const session = isWrite ? await snapshotOf(collection) : undefined;
    const count = (): Promise<number> => this.#count(collection, filter, session);
    const counting = session
      ? this.#countLater(command, count).finally(() => void session.endSession())
      : count().then((total) => this.#loopOf(total));
    this.#counting.set(command, counting);
    if (command.kind === 'write' && !session) await counting;
  }

  after(command: DoorCommand, reply: DoorReply): void {
    this.#uncounted.get(command)?.(reply.ok ? affected(reply) : 0);
    const counting = this.#counting.get(command);
    if (command.kind === 'read' && reply.ok) this.#afterRead(command, reply, counting);
    if (command.kind !== 'write' || (!reply.ok && !counting)) return;
    const count = reply.ok ? affected(reply) - (this.#parts.get(command) ?? 0) : 0;
    this.#write(count);
    if (!counting) return this.#afterWrite(count, reply.durationMs);
    void counting.then((loop) => {
      this.#advance(loop, count, reply.durationMs);
      this.#through(loop);
    });
  }

  /** A part of a command is done whose reply comes later. */
  changed(command: DoorCommand, count: number, ms: number): void {
    this.#parts.set(command, (this.#parts.get(command) ?? 0) + count);
    this.#write(count);
    void this.#counting.get(command)?.then((loop) => this.#advance(loop, count, ms));
  }

  /** Whatever became of the script: nothing is counted any more. */
  close(): void {
    for (const tell of this.#uncounted.values()) tell(0);
  }

  #write(count: number): void {
    this.#written += count;
    this.#sink.written(count);
  }

  /** The script is through: what it only read is done too. */
  end(): void {
    for (const loop of this.#holding) this.#advance(loop, loop.held, 0);
    this.#holding.clear();
  }

  #afterRead(command: DoorCommand, reply: DoorReply, counting: Promise<Loop | null> | undefined): void {
    const cursor = command.name === 'getMore' ? String(command.body['getMore']) : reply.cursorId;
    const loop = counting ?? (cursor === undefined ? undefined : this.#cursors.get(cursor));
    if (!loop) return;
    if (reply.cursorId === '0') this.#cursors.delete(cursor ?? '');
    else if (cursor !== undefined) this.#cursors.set(cursor, loop);
    void loop.then((found) => this.#afterBatch(found, reply.batch ?? 0, reply.durationMs));
  }

  /** Whoever asks for more is through with what it had: a batch may hold everything, and is not done by being read. */
  #afterBatch(loop: Loop | null, count: number, ms: number): void {
    if (!loop) return;
    const through = loop.held;
    loop.held = count;
    this.#holding.add(loop);
    this.#advance(loop, through, ms);
  }

  /** Writes are work on the documents in hand. */
  #afterWrite(count: number, ms: number): void {
    let left = count;
    for (const loop of this.#holding) {
      const step = Math.min(left, loop.held);
      loop.held -= step;
      left -= step;
      this.#advance(loop, step, ms);
      if (loop.held > 0) break;
      this.#holding.delete(loop);
    }
    this.#report(ms);
  }

  /** What the session sees does not change meanwhile; whoever knows the total first tells it. */
  #countLater(command: DoorCommand, count: () => Promise<number>): Promise<Loop | null> {
    return new Promise((resolve) => {
      const tell = (total: number): void => {
        clearTimeout(timer);
        if (this.#uncounted.delete(command)) resolve(this.#loopOf(total));
      };
      const timer = setTimeout(() => void count().then(tell), countAfterMs);
      this.#uncounted.set(command, tell);
    });
  }

  /** 0 where it takes too long, or where a count refuses the filter ($near): no total then. */
  async #count(collection: Collection, filter: Document, session?: ClientSession): Promise<number> {
    try {
      // What the catalogue says of all documents costs nothing.
      if (isAll(filter)) return await collection.estimatedDocumentCount();
      return await collection.countDocuments(filter, { maxTimeMS: countTimeoutMs, session });
    } catch {
      return 0;
    }
  }

  #loopOf(total: number): Loop | null {
    if (total < smallestLoop) return null;
    this.#total += total;
    this.#sink.setTotal(this.#total);
    return { total, done: 0, held: 0 };
  }

  #advance(loop: Loop | null, count: number, ms: number): void {
    if (loop) {
      const step = Math.min(count, loop.total - loop.done);
      loop.done += step;
      this.#inLoops += step;
    }
    this.#report(ms);
  }

  /** The write is over: nothing more comes of what was counted beforehand, be it refused or changed by others meanwhile. */
  #through(loop: Loop | null): void {
    if (!loop || loop.done === loop.total) return;
    this.#total -= loop.total - loop.done;
    loop.total = loop.done;
    this.#sink.setTotal(this.#total === 0 ? null : this.#total);
  }

  /** Documents of known loops where there are any, else what was written. */
  #report(ms: number): void {
    const done = this.#total > 0 ? this.#inLoops : this.#written;
    if (done <= this.#reported) return;
    this.#sink.batch(done - this.#reported, ms);
    this.#reported = done;
  }
}

function isAll(filter: Document): boolean {
  return Object.keys(filter).length === 0;
}

/** Reads in it see the collection as it is now, however long they take; undefined where the server has none. */
async function snapshotOf(collection: Collection): Promise<ClientSession | undefined> {
  const session = collection.db.client.startSession({ snapshot: true });
  try {
    // The first read sets the time for the others.
    await collection.findOne({}, { session, projection: { _id: 1 }, maxTimeMS: countTimeoutMs });
    return session;
  } catch {
    await session.endSession();
    return undefined;
  }
}

function affected(reply: DoorReply): number {
  return (reply.n ?? 0) + (reply.nInserted ?? 0) + (reply.nMatched ?? 0) + (reply.nDeleted ?? 0);
}

/** The filter of a command that goes through many documents; undefined for anything else. */
export function loopFilter(command: DoorCommand): Document | undefined {
  const { name, kind, collection, inTransaction } = command;
  if (collection === undefined || inTransaction) return undefined;
  if (name === 'find') {
    const { body } = command;
    if (body['singleBatch'] === true || body['limit'] !== undefined) return undefined;
    return (body['filter'] as Document | undefined) ?? {};
  }
  if (kind !== 'write') return undefined;
  if (name === 'update') return onlyMulti(command, 'updates', 'multi', ({ multi }) => multi === true);
  if (name === 'delete') return onlyMulti(command, 'deletes', 'limit', ({ limit }) => Number(limit) === 0);
  return undefined;
}

/** Decoded is only what may be one: there may be as many statements as a message holds, or a command for each of them. */
function onlyMulti(
  command: DoorCommand,
  list: 'updates' | 'deletes',
  field: 'multi' | 'limit',
  isMulti: (statement: Document) => boolean,
): Document | undefined {
  const { body, sequences } = command.raw;
  const sequence = sequences.find(({ identifier }) => identifier === list);
  const given = sequence?.documents ?? listIn(asBuffer(body), list);
  if (given.length !== 1 || !mayBeMulti(given[0]!, field)) return undefined;
  const statements: unknown = command.body[list];
  if (!Array.isArray(statements) || statements.length !== 1) return undefined;
  const [statement] = statements as [Document];
  return isMulti(statement) ? ((statement['q'] as Document | undefined) ?? {}) : undefined;
}

function mayBeMulti(statement: Uint8Array, field: 'multi' | 'limit'): boolean {
  const value = elementOf(statement, field)?.value;
  return value !== undefined && value.some((byte) => byte !== 0) === (field === 'multi');
}

function describe(command: DoorCommand): string {
  const where = command.collection === undefined ? command.database : command.collection;
  if (command.name !== 'createIndexes') return `${command.name} on ${where}`;
  const indexes = command.body['indexes'];
  const names = Array.isArray(indexes) ? (indexes as Document[]).map((index) => String(index['name'])) : [];
  return `creating index ${names.join(', ')} on ${where}`;
}
