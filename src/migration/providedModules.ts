// Modules that authors may import without having installed them: `migratory` itself and the driver. A project's
// own installation always comes first.
import Module from 'node:module';

/** The parts of Node's module loader that are public by long use only; tsx and jiti stand on them too. */
interface ModuleLoader {
  _resolveFilename: (this: unknown, request: string, ...rest: unknown[]) => string;
  _cache: Record<string, Module>;
}

const loader = Module as unknown as ModuleLoader;

/** Makes the exports of a module when it is asked for the first time. */
const providers: ReadonlyMap<string, () => unknown> = new Map<string, () => unknown>([
  ['migratory', () => ({ defineMigration: unchanged, defineConfig: unchanged })],
  // Plain `require`s, so that programs that never run a script do not load the driver.
  ['mongodb', () => require('mongodb') as unknown],
  ['mongodb/package.json', () => require('mongodb/package.json') as unknown],
]);

let offered = false;

/** From now on every module of this process that is not found is looked for among the provided ones. */
export function offerProvidedModules(): void {
  if (offered) return;
  offered = true;
  const resolve = loader._resolveFilename;
  loader._resolveFilename = function resolveOrProvide(this: unknown, request, ...rest): string {
    try {
      return resolve.call(this, request, ...rest);
    } catch (error) {
      const provide = providers.get(request);
      if (!provide || (error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
      return cached(request, provide);
    }
  };
}

export function isProvided(name: string): boolean {
  return providers.has(name);
}

function cached(name: string, provide: () => unknown): string {
  const id = `migratory:${name}`;
  if (!loader._cache[id]) {
    const module = new Module(id);
    module.exports = provide();
    module.loaded = true;
    loader._cache[id] = module;
  }
  return id;
}

function unchanged<T>(value: T): T {
  return value;
}
