// The process of its own in which the loader's tests load files: bundled as the programs are, run by plain Node,
// so that no TypeScript loader of the tests helps it.
import { describeError } from '../../../../src/migration/describeError';
import type { LoadedMigration } from '../../../../src/migration/kinds';
import { loadMigrations } from '../../../../src/migration/load';
import type { HostAnswer, HostRequest } from './messages';

process.on('message', (message: HostRequest) => {
  void answer(message).then((reply) => process.send?.(reply));
});

async function answer({ file, root, call }: HostRequest): Promise<HostAnswer> {
  const exit = Reflect.get(process, 'exit') as unknown;
  try {
    const migrations = await loadMigrations(file, { root });
    const results: unknown[] = [];
    if (call) for (const migration of migrations) results.push(await callFunction(migration, call));
    return {
      migrations: migrations.map(({ name, kind, index, definition }) => ({
        name,
        kind,
        index,
        fields: Object.keys(definition).sort(),
      })),
      results,
      exitRestored: Reflect.get(process, 'exit') === exit,
    };
  } catch (error) {
    return {
      error: describeError(error, { file, root }),
      exitRestored: Reflect.get(process, 'exit') === exit,
    };
  }
}

async function callFunction({ definition }: LoadedMigration, name: string): Promise<unknown> {
  const work = (definition as unknown as Record<string, (() => unknown) | undefined>)[name];
  return work ? await work.call(definition) : undefined;
}
