// What lint asks of a file's database, beside its text: collections, their validators, and whether a unique index could be
// built. Lint takes what is known and never waits; when an answer comes that changes something, it is told to look again.
import { answered } from '../migration/lint/answers';
import type { DuplicatesQuestion, Finding } from '../migration/lint/finding';
import type { RunnerMethods } from '../protocol/runner';
import type { ConnectionStore } from './connections';
import type { ConnectionInfo } from './connectionRecords';
import { Emitter } from './event';
import type { Observer } from './observer';

/** An answer that is older is asked for again, when somebody wants it. */
const freshMs = 30_000;
/** A question about each half-typed field is one too. */
const keptAtMost = 200;

type Catalogue = Awaited<ReturnType<RunnerMethods['lintCatalogue']>>;

interface Kept {
  askedAt: number;
  /** Undefined until the first answer; a question that fails keeps the answer before. */
  answer?: unknown;
}

export class LintCatalogue {
  readonly #kept = new Map<string, Kept>();
  readonly #changed = new Emitter<void>();
  readonly onDidChange = this.#changed.event;

  constructor(
    private readonly connections: Pick<ConnectionStore, 'target'>,
    private readonly observer: Pick<Observer, 'call'>,
    /** Trust, and whether the database has answered at all: lint is no reason to connect. */
    private readonly mayAsk: (connection: ConnectionInfo) => boolean,
    private readonly now: () => number = Date.now,
  ) {}

  /** Empty while nothing is known. */
  of(connection: ConnectionInfo | undefined): Catalogue {
    if (!connection) return {};
    return (
      this.#answer<Catalogue>(connection, '', async () =>
        this.observer.call('lintCatalogue', { target: await this.connections.target(connection.id) }),
      ) ?? {}
    );
  }

  /** The finding with what the database has said to it, or nothing when that takes it away. */
  settle(finding: Finding, connection: ConnectionInfo | undefined): Finding | undefined {
    const { question } = finding;
    // Of a production database documents are read when somebody runs something there, not by typing.
    if (!question || !connection || connection.production) return finding;
    const groups = this.#answer<number | null>(connection, JSON.stringify(question), () =>
      this.#duplicates(connection, question),
    );
    return groups === undefined ? finding : answered(finding, groups);
  }

  dispose(): void {
    this.#changed.dispose();
  }

  async #duplicates(
    connection: ConnectionInfo,
    { collection, fields }: DuplicatesQuestion,
  ): Promise<number | null> {
    const target = await this.connections.target(connection.id);
    return this.observer.call('duplicates', { target, collection, fields });
  }

  /** What is known; asks again behind it when that is old. */
  #answer<T>(connection: ConnectionInfo, question: string, ask: () => Promise<T>): T | undefined {
    const key = `${connection.id}\n${question}`;
    const kept = this.#kept.get(key);
    const isFresh = kept !== undefined && this.now() - kept.askedAt < freshMs;
    if (!isFresh && this.mayAsk(connection)) {
      const asked: Kept = { askedAt: this.now(), answer: kept?.answer };
      this.#keep(key, asked);
      void ask().then(
        (answer) => {
          const isNew = JSON.stringify(answer) !== JSON.stringify(asked.answer);
          asked.answer = answer;
          if (isNew) this.#changed.fire();
        },
        // Whoever looks at the tree hears why; lint goes on with what it knew.
        () => undefined,
      );
    }
    return kept?.answer as T | undefined;
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= keptAtMost) break;
      this.#kept.delete(oldest);
    }
  }
}
