// What a Python function asks of its ctx and only this process can do: the helpers that change documents.
import { BSON } from 'mongodb';
import type { MigrationContext } from '../../migration/kinds';
import type { PythonQuestion, PythonReply, ToldError } from './process';

const helpers = ['batch', 'convert', 'extract', 'embed'] as const;

export class ContextQuestions {
  readonly #ctx: Record<string, (...args: unknown[]) => Promise<unknown>>;
  readonly #errors = new Map<number, unknown>();

  constructor(ctx: MigrationContext) {
    this.#ctx = Object.fromEntries(
      helpers.map((name) => [
        name,
        // Also what it throws at once is told.
        async (...args: unknown[]) => (ctx[name] as (...given: unknown[]) => unknown)(...args),
      ]),
    );
  }

  async answer({ number, name, args }: PythonQuestion): Promise<PythonReply> {
    try {
      const helper = this.#ctx[name];
      if (!helper) throw new Error(`there is no ctx.${name}`);
      const given = BSON.EJSON.parse(args, { relaxed: false }) as unknown[];
      return { result: await helper(...given.slice(0, -1), plainNumbers(given.at(-1))) };
    } catch (error) {
      this.#errors.set(number, error);
      return { error: error instanceof Error ? error.message : String(error) };
    }
  }

  /** The error of a question that has gone through the author's code as it is. */
  errorOf({ asked }: ToldError): unknown {
    return asked === undefined ? undefined : this.#errors.get(asked);
  }
}

/** Options are no documents: their numbers are numbers. */
function plainNumbers(options: unknown): unknown {
  return Object.fromEntries(
    Object.entries(options as object).map(([name, value]: [string, unknown]) => {
      const plain: unknown = value?.valueOf();
      return [name, typeof plain === 'number' ? plain : value];
    }),
  );
}
