// What the database in use says to whoever writes a migration: names of collections and fields. The observer asks it
// (never this process), only in trusted folders, and never so long that typing would wait for it.
import type { CursorContext } from '../migration/cursorContext';
import type { SourceLanguage } from '../migration/sourceTokens';
import type { Known } from './completionModel';
import type { ConnectionStore } from './connections';
import type { Observer } from './observer';

const patienceMs = 1_000;
/** A database that does not answer is left alone this long. */
const restMs = 30_000;

export class SampledNames {
  readonly #restUntil = new Map<string, number>();

  constructor(
    private readonly connections: ConnectionStore,
    private readonly observer: Pick<Observer, 'call'>,
    /** Trust and settings. */
    private readonly mayAsk: () => boolean,
  ) {}

  /** What is known for a context; `waiting` when more will be known soon. Never rejects. */
  async about(
    file: string,
    { wants, collection }: CursorContext,
  ): Promise<{ known: Known; waiting: boolean }> {
    const connection = this.mayAsk() ? this.connections.ofFile(file) : undefined;
    if (!connection || (this.#restUntil.get(connection.id) ?? 0) > Date.now()) {
      return { known: {}, waiting: false };
    }
    const asking = this.#ask(connection.id, wants, collection).catch(() => {
      // Whoever looks at the tree hears why; here it only means that there is nothing to offer.
      this.#restUntil.set(connection.id, Date.now() + restMs);
      return {};
    });
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), patienceMs);
    });
    const known = await Promise.race([asking, patience]);
    clearTimeout(timer);
    return { known: known ?? {}, waiting: known === undefined };
  }

  async #ask(id: string, wants: CursorContext['wants'], collection: string | undefined): Promise<Known> {
    const known: Known = {};
    if (wants.includes('collection')) {
      known.collections = await this.observer.call('collections', {
        target: await this.connections.target(id),
      });
    }
    if (collection !== undefined && (wants.includes('field') || wants.includes('path'))) {
      const target = await this.connections.target(id);
      known.sample = await this.observer.call('sample', { target, collection });
    }
    return known;
  }
}

/** The language of a migration by the name of its file. */
export function languageOf(file: string): SourceLanguage {
  return file.endsWith('.py') ? 'python' : 'javascript';
}
