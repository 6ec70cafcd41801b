// Inserts, updates and deletes of a script outside of transactions: each command becomes transactions of ours that hold
// the command and its journal. The script gets the reply that the server would have given to the command alone.
import type { DoorCommand, UpstreamChannel } from '../../wire/door';
import { pause } from '../../transfer/transaction';
import type { JournalEntry } from '../../transfer/journalPack';
import { committed, wasCommitted } from './commit';
import { idBatches } from './byFilter';
import { changeByRanges, suitsRanges } from './byRanges';
import { createdEntries, makeChanges, pinned, storedDocuments, type Changes } from './changes';
import { ReadFailed, TooMany } from './images';
import { hangUp, judge, rowsTaken, TooLarge } from './failures';
import { insertRows } from './insertRows';
import { createForWrite, type Keeper } from './keeper';
import { isOk, listIn, numberIn, withElements, WriteSum } from './reply';
import {
  Answer,
  halve,
  insertReply,
  nextOf,
  partsOf,
  positionsOf,
  retryKey,
  setAside,
  settle,
  type Part,
  type Progress,
} from './progress';
import { Singles } from './singles';
import { takeApart, type Statement, type WriteCommand, type WriteKind } from './statements';
import type { OwnSession, Transaction } from './transaction';
import { writeUnprotected } from './unprotected';
import { writeWithoutTransactions } from './withoutTransactions';

/** Documents that are read before their change in one transaction. */
const mostDocuments = 1000;
/** How long a command waits for others that hold its documents. */
const patienceMs = 300_000;

export class OwnWrites {
  /** Commands whose connection was lost: their client may send them again, under the same number. */
  readonly #lost = new Map<string, Progress>();
  readonly #singles = new Singles();

  constructor(private readonly keeper: Keeper) {}

  async run(command: DoorCommand, kind: WriteKind): Promise<Uint8Array> {
    const key = retryKey(command);
    let progress = key === undefined ? undefined : this.#lost.get(key);
    try {
      progress ??= await this.#begin(command, kind);
      await this.#work(command, progress);
      if (key !== undefined) this.#lost.delete(key);
      return progress.sum.reply();
    } catch (error) {
      if (error instanceof Answer) return error.reply;
      // The next try settles the commit, if one is open, and goes on behind it.
      if (key !== undefined && progress) this.#lost.set(key, progress);
      throw error;
    }
  }

  /** Statements of ours, on behalf of a command that does the same in another way. */
  async change(command: DoorCommand, write: WriteCommand): Promise<void> {
    const progress: Progress = { write, sum: new WriteSum(), queue: partsOf(write) };
    await this.#work(command, progress);
    const failed = progress.sum.firstError;
    if (failed) throw new Answer(failed);
  }

  async #begin(command: DoorCommand, kind: WriteKind): Promise<Progress> {
    const write = takeApart(command, kind);
    const { database, collection } = write;
    const creates = kind === 'insert' || write.statements.some(({ upsert }) => upsert);
    const facts = await this.keeper.namespaces.facts(database, collection);
    if (!facts && creates) await createForWrite(this.keeper, database, collection);
    // Neither takes part in transactions.
    if (facts?.kind === 'capped' || facts?.kind === 'timeseries')
      throw new Answer(await writeWithoutTransactions(this.keeper, command, kind));
    return { write, sum: new WriteSum(), queue: partsOf(write) };
  }

  async #work(command: DoorCommand, progress: Progress): Promise<void> {
    const { write, sum, queue } = progress;
    if (write.kind === 'update') sum.modified(0);
    const session = await this.keeper.session(command);
    await this.#settle(command.upstream, progress);
    const started = performance.now();
    for (let tries = 0; queue.length > 0 && !(write.ordered && sum.failed);) {
      this.keeper.signal.throwIfAborted();
      const part = queue[0] as Part;
      if ('error' in part) {
        sum.addErrors(part.error, positionsOf(part.statements));
        queue.shift();
        continue;
      }
      if ('scan' in part) {
        await this.keeper.gate();
        await nextOf(part, progress);
        continue;
      }
      if (await this.#attempt(command, session, progress, part.statements)) {
        tries = 0;
        continue;
      }
      if (performance.now() - started > patienceMs)
        throw new Error('others hold the documents of this command');
      await pause(Math.min(500, 2 ** tries), this.keeper.signal);
      tries += 1;
    }
  }

  /** Finds out how the commit ended whose reply was lost. */
  async #settle(upstream: UpstreamChannel, progress: Progress): Promise<void> {
    const { unclear } = progress;
    if (!unclear) return;
    const held = await wasCommitted(unclear.transaction, unclear.seq, upstream, this.keeper.rows);
    progress.unclear = undefined;
    if (held) settle(progress, unclear.reply, undefined, unclear.statements);
  }

  /** One transaction for the first part of the queue; false if it has to be tried again. */
  async #attempt(
    command: DoorCommand,
    session: OwnSession,
    progress: Progress,
    statements: Statement[],
  ): Promise<boolean> {
    const { write } = progress;
    let transaction = session.begin(command.upstream);
    const made = write.kind === 'insert' ? storedDocuments(statements) : undefined;
    if (made) return this.#insert(command, transaction, progress, { statements, made });
    let changes: Changes | undefined;
    if (this.#singles.suits(write, statements)) {
      changes = await this.#singles.change(transaction, write, statements[0]!);
      // The next one ends it.
      if (!changes) transaction = session.begin(command.upstream);
    }
    try {
      changes ??= await this.#change(transaction, write, statements);
    } catch (error) {
      if (error instanceof TooMany || error instanceof ReadFailed) {
        // It has only read.
        transaction.abort().catch(() => undefined);
        return this.#otherwise(command, progress, statements, error);
      }
      throw error;
    }
    const { reply, entries } = changes;
    if (!entries) return this.#refused(command, progress, statements, reply);
    if (entries.length === 0) {
      // Nothing was changed: nobody has to wait for the end of it.
      transaction.abort().catch(() => undefined);
      settle(progress, reply, undefined, statements);
      return true;
    }
    return this.#keep(transaction, progress, { reply, statements, entries });
  }

  /** The journal and the end of the transaction, in one go. */
  async #keep(
    transaction: Transaction,
    progress: Progress,
    done: { reply: Buffer; statements: Statement[]; entries: JournalEntry[] },
  ): Promise<boolean> {
    const { seq, rows } = this.keeper.rows.documents(progress.write, done.entries);
    progress.unclear = { transaction, reply: done.reply, statements: done.statements, seq };
    const [taken, last] = await Promise.all([
      insertRows(transaction, this.keeper.rows, rows),
      transaction.commit(),
    ]);
    return this.#ended(transaction, progress, { taken, last });
  }

  /** What an insert makes is known beforehand, so everything goes in one go. */
  async #insert(
    command: DoorCommand,
    transaction: Transaction,
    progress: Progress,
    { statements, made }: { statements: Statement[]; made: Buffer[] },
  ): Promise<boolean> {
    const { write } = progress;
    const documents = statements.map(({ raw }) => raw);
    const sent = transaction.send(write.database, write.parts, { identifier: write.list, documents });
    // Awaited with the rest; the journal is put together while the server is at work.
    sent.catch(() => undefined);
    const { seq, rows } = this.keeper.rows.documents(write, await createdEntries(made));
    progress.unclear = { transaction, reply: insertReply(statements.length), statements, seq };
    const [reply, taken, last] = await Promise.all([
      sent,
      insertRows(transaction, this.keeper.rows, rows),
      transaction.commit(),
    ]);
    if (!isOk(reply) || listIn(reply, 'writeErrors').length > 0) {
      progress.unclear = undefined;
      return this.#refused(command, progress, statements, reply);
    }
    progress.unclear.reply = reply;
    return this.#ended(transaction, progress, { taken, last });
  }

  async #ended(
    transaction: Transaction,
    progress: Progress,
    { taken, last }: { taken: Buffer[]; last: Buffer },
  ): Promise<boolean> {
    try {
      if (!taken.every((reply) => rowsTaken(reply))) {
        progress.unclear = undefined;
        return false;
      }
    } catch (error) {
      const statements = progress.unclear?.statements ?? [];
      if (!(error instanceof TooLarge) || statements.length < 2) throw error;
      progress.unclear = undefined;
      return halve(progress, statements);
    }
    const reply = await committed(transaction, last, this.keeper.signal);
    const { unclear } = progress;
    progress.unclear = undefined;
    if (!reply || !unclear) return false;
    settle(progress, unclear.reply, reply, unclear.statements);
    return true;
  }

  #change(transaction: Transaction, write: WriteCommand, statements: Statement[]): Promise<Changes> {
    return makeChanges(transaction, write, statements, { most: mostDocuments });
  }

  /** The statements were refused. The others of a command hold, unless it is the server itself that is in trouble. */
  async #refused(
    command: DoorCommand,
    progress: Progress,
    statements: Statement[],
    reply: Buffer,
  ): Promise<boolean> {
    if (!isOk(reply)) {
      const failure = judge(reply);
      if (failure === 'again') return false;
      if (failure === 'moved') throw hangUp('the primary has changed');
      if (failure === 'too-large' && statements.length > 1) return halve(progress, statements);
      if (failure === 'no-transaction') return this.#unprotected(command, progress, statements);
      throw new Answer(withElements(reply, { errorLabels: undefined }));
    }
    const [error] = listIn(reply, 'writeErrors');
    if (error && judge(error) === 'no-transaction') return this.#unprotected(command, progress, statements);
    setAside(progress, statements, reply);
    return true;
  }

  async #unprotected(command: DoorCommand, progress: Progress, statements: Statement[]): Promise<boolean> {
    const reply = await writeUnprotected(this.keeper, command, progress.write, statements);
    settle(progress, reply, undefined, statements);
    return true;
  }

  /** The reads before the change failed or would bring too much. */
  async #otherwise(
    command: DoorCommand,
    progress: Progress,
    statements: Statement[],
    error: TooMany | ReadFailed,
  ): Promise<boolean> {
    const { write, queue } = progress;
    if (error instanceof ReadFailed && judge(error.reply) !== 'final')
      return this.#refused(command, progress, statements, error.reply);
    const [only] = statements;
    if (statements.length > 1 || !only) return halve(progress, statements);
    if (error instanceof ReadFailed) return this.#provoke(command, progress, only);
    if (only.many && suitsRanges(write, only)) {
      settle(progress, await changeByRanges(this.keeper, command, write, only), undefined, statements);
      return true;
    }
    if (only.many) {
      queue[0] = { scan: idBatches(command.upstream, write, only), statement: only };
      return true;
    }
    const session = await this.keeper.session(command);
    const probe = session.begin(command.upstream);
    const found = await pinned(probe, write, only);
    await probe.abort();
    if (!found) return false;
    // The statement alone finds too many, the one for its document finds that one. Where the document has changed
    // meanwhile it finds none, and the search begins again.
    const transaction = session.begin(command.upstream);
    const changes = await this.#change(transaction, write, [found]);
    if (!changes.entries) return this.#refused(command, progress, [only], changes.reply);
    if ((numberIn(changes.reply, 'n') ?? 0) === 0 || listIn(changes.reply, 'upserted').length > 0) {
      await transaction.abort();
      return false;
    }
    const { reply, entries } = changes;
    return this.#keep(transaction, progress, { reply, statements, entries });
  }

  /** A statement whose documents cannot be read is one that the server refuses: its own words are what the script gets. */
  async #provoke(command: DoorCommand, progress: Progress, statement: Statement): Promise<boolean> {
    const { write } = progress;
    const transaction = (await this.keeper.session(command)).begin(command.upstream);
    const reply = await transaction.send(write.database, write.parts, {
      identifier: write.list,
      documents: [statement.raw],
    });
    if (!isOk(reply) || listIn(reply, 'writeErrors').length > 0)
      return this.#refused(command, progress, [statement], reply);
    await transaction.abort();
    throw new Error(
      `Migratory cannot read the documents that this ${write.kind} would change, so it could not be undone. Name them by their _id.`,
    );
  }
}
