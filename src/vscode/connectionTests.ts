// The newest staged test of each connection, kept for the tree until the connection is another or is tested again.
import type { ConnectionTestStep } from '../protocol/runner';
import { Emitter } from './event';

export interface ConnectionTest {
  at: number;
  /** Undefined while it goes on. */
  steps?: readonly ConnectionTestStep[];
  /** What was tested, in words: a connection that leads elsewhere now was not. */
  words: string;
}

export class ConnectionTests {
  readonly #tests = new Map<string, ConnectionTest>();
  readonly #changed = new Emitter<string>();

  /** Tells the id of the connection. */
  readonly onDidChange = this.#changed.event;

  constructor(private readonly now: () => number = Date.now) {}

  get({ id, words }: { id: string; words: string }): ConnectionTest | undefined {
    const test = this.#tests.get(id);
    return test?.words === words ? test : undefined;
  }

  /** Notes a test that goes on, and its outcome. Where it ends without one there is none. */
  async follow<R extends { steps: readonly ConnectionTestStep[] }>(
    { id, words }: { id: string; words: string },
    test: Promise<R>,
  ): Promise<R> {
    this.#put(id, { at: this.now(), words });
    try {
      const result = await test;
      this.#put(id, { at: this.now(), words, steps: result.steps });
      return result;
    } catch (error) {
      this.#tests.delete(id);
      this.#changed.fire(id);
      throw error;
    }
  }

  dispose(): void {
    this.#changed.dispose();
  }

  #put(id: string, test: ConnectionTest): void {
    this.#tests.set(id, test);
    this.#changed.fire(id);
  }
}
