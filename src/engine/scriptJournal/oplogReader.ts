// A reader that waits at the end of the oplog while a script makes one small write after the other. A server shows new
// entries of its oplog, without which nothing is durable, at once where somebody waits for them, and else each
// millisecond (mongod's oplog visibility thread). In a replica set of several members the secondaries are such readers; a single
// member has none, and every commit would wait for up to a millisecond. Nothing ever comes out of it.
import type { ChangeStream, Db } from 'mongodb';

/** How often is looked at what the script does. */
const windowMs = 100;
/** Commands in that time from which on a reader pays: of fewer and larger ones the wait does not count. */
const manyCommands = 10;
/** Of the driver's connections the reader holds one. */
const leastPool = 5;

export class OplogReader {
  readonly #db: Db;
  #commands = 0;
  #timer: NodeJS.Timeout | undefined;
  #stream: ChangeStream | undefined;
  #over: boolean;

  /** @param db of the engine's own client. */
  constructor(db: Db) {
    this.#db = db;
    const { maxPoolSize } = db.client.options;
    // 0 is no limit.
    this.#over = maxPoolSize > 0 && maxPoolSize < leastPool;
  }

  get reading(): boolean {
    return this.#stream !== undefined;
  }

  /** The script waits for another command. */
  command(): void {
    this.#commands += 1;
    if (this.#over) return;
    this.#timer ??= setInterval(() => this.#judge(), windowMs).unref();
  }

  async close(): Promise<void> {
    this.#over = true;
    clearInterval(this.#timer);
    await this.#end();
  }

  #judge(): void {
    const isBusy = this.#commands >= manyCommands;
    this.#commands = 0;
    if (isBusy) return this.#begin();
    clearInterval(this.#timer);
    this.#timer = undefined;
    void this.#end();
  }

  #begin(): void {
    if (this.#stream) return;
    const nothing = [{ $match: { operationType: 'none' } }];
    const stream = this.#db.collection('_migratory_nothing').watch(nothing, { maxAwaitTimeMS: 2000 });
    this.#stream = stream;
    // Without the right to read changes it goes on as it did.
    stream.on('error', () => void this.close());
    // A stream begins with its first listener.
    stream.on('change', () => undefined);
    // With its database, for example.
    stream.on('close', () => {
      if (this.#stream === stream) this.#stream = undefined;
    });
  }

  async #end(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    await stream?.close().catch(() => undefined);
  }
}
