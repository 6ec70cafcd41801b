// Runs one file of the author's (a migration, a config) and hands back what it exports. Plain JavaScript goes
// through Node itself, so that it behaves as everywhere; TypeScript, and what Node would refuse, through jiti,
// which is loaded when it is needed: from node_modules in development, from dist/jiti beside the bundle.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire, type SourceMapPayload } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Jiti from 'jiti';
import { guardProcessExit } from './exitGuard';
import { displayPath, emptyFile, explainLoadFailure, syntaxError, unreadableFile } from './loadErrors';
import { hasBareMigrations } from './outlineJavaScript';
import { isProvided, offerProvidedModules } from './providedModules';
import { rememberSourceMap } from './sourceMaps';

/**
 * The exports of a JavaScript or TypeScript file: `module.exports`, or the namespace of an ES module. The file is
 * read anew at each call, what it imports is not.
 * @param root the project, for short paths in messages.
 * @throws UserError when it cannot be read, does not parse, throws, or ends the process while it loads.
 */
export async function loadModule(file: string, root: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw unreadableFile(file, root, error);
  });
  if (text.trim() === '' || text === '\uFEFF') throw emptyFile(file, root);
  offerProvidedModules();
  const guard = guardProcessExit(`While it loaded, ${displayPath(file, root)}`, file);
  try {
    const exports = await run(file, text, root);
    if (guard.called) throw guard.called;
    return exports;
  } catch (error) {
    throw guard.called ?? explainLoadFailure(error, { file, root, text });
  } finally {
    guard.release();
  }
}

/** What a module hands over: its default where it has one, promises awaited. */
export async function defaultExport(exports: unknown): Promise<unknown> {
  let value = exports;
  // TypeScript that was compiled to CommonJS wraps the default a second time.
  for (let depth = 0; depth < 2; depth++) {
    value = await value;
    if (typeof value !== 'object' || value === null || !('default' in value)) break;
    value = value.default;
  }
  return value;
}

async function run(file: string, text: string, root: string): Promise<unknown> {
  const way = await chooseWay(file, text);
  if (way === 'require') {
    const require = createRequire(file);
    delete require.cache[require.resolve(file)];
    return require(file) as unknown;
  }
  if (way === 'import') {
    try {
      return await importFresh(file, text);
    } catch (error) {
      // Node finds out before it runs anything that a package is missing; ours are only known to jiti's way.
      if (!isMissingProvided(error)) throw error;
    }
  }
  return compileAndRun(file, way === 'compile-bare' ? `${text}\n;export { migrations };` : text, root);
}

type Way = 'require' | 'import' | 'compile' | 'compile-bare';

async function chooseWay(file: string, text: string): Promise<Way> {
  const extension = extname(file);
  const isModule = /^\s*(?:import|export)\b/m.test(text);
  const mayBeBare = !/\bexports?\b/.test(text) && /^(?:const|let|var)\s+migrations\b/m.test(text);
  if (mayBeBare && hasBareMigrations(text, file)) return 'compile-bare';
  if (/^\.[cm]?ts$/.test(extension)) return 'compile';
  if (extension === '.cjs') return 'require';
  if (extension === '.mjs') return 'import';
  const type = await packageType(file);
  if (type === 'module') return 'import';
  if (!isModule) return 'require';
  // Node takes module syntax in a package without a type, but not in one that says commonjs.
  return type === 'commonjs' ? 'compile' : 'import';
}

/** The `type` of the package that a file belongs to. */
async function packageType(file: string): Promise<string | undefined> {
  for (let dir = dirname(file); ; dir = dirname(dir)) {
    const path = join(dir, 'package.json');
    if (existsSync(path)) {
      try {
        const { type } = JSON.parse(await readFile(path, 'utf8')) as { type?: string };
        return type;
      } catch {
        return undefined;
      }
    }
    if (dir === dirname(dir)) return undefined;
  }
}

/** ES modules are cached by their URL for ever: the checksum in it makes an edited file another module. */
async function importFresh(file: string, text: string): Promise<unknown> {
  const url = pathToFileURL(file);
  url.searchParams.set('version', createHash('sha256').update(text).digest('hex').slice(0, 12));
  return import(url.href);
}

function isMissingProvided(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  const name = /Cannot find package '([^']+)'/.exec(message)?.[1];
  return code === 'ERR_MODULE_NOT_FOUND' && name !== undefined && isProvided(name);
}

/** What jiti puts before the first line of a module that may await at its top. */
const wrapper =
  '(async function (exports, require, module, __filename, __dirname, jitiImport, jitiESMResolve) { ';

async function compileAndRun(file: string, text: string, root: string): Promise<unknown> {
  const jiti = createCompiler(file, root);
  return jiti.evalModule(text, {
    id: file,
    filename: file,
    ext: extname(file),
    async: true,
    forceTranspile: true,
  });
}

function createCompiler(file: string, root: string): Jiti.Jiti {
  const { createJiti } = require('jiti') as typeof Jiti;
  // No cache on disk: sources would lie about in the temporary folder. Modules share Node's cache, so that the
  // driver and the author's helpers are there once.
  const options: Jiti.JitiOptions = { fsCache: false, moduleCache: true, interopDefault: true };
  const compile = createJiti(file, options).options.transform;
  if (!compile) throw new Error('jiti came without its compiler');
  return createJiti(file, {
    ...options,
    tsconfigPaths: existsSync(join(root, 'tsconfig.json')) ? join(root, 'tsconfig.json') : false,
    transform: (source) => compileOne(compile, source, root),
  });
}

function compileOne(
  compile: NonNullable<Jiti.JitiOptions['transform']>,
  source: Jiti.TransformOptions,
  root: string,
): Jiti.TransformResult {
  const file = source.filename ?? '';
  const result = compile({
    ...source,
    // Lines stay where they are even for those who print a stack without asking for the map.
    retainLines: true,
    babel: { ...source.babel, sourceMaps: 'inline', sourceFileName: file },
  });
  if (result.error) throw syntaxError(file, root, source.source, result.error);
  const [code = '', map] = result.code.split(/\n?\/\/# sourceMappingURL=data:application\/json;[^,]*base64,/);
  if (map !== undefined) {
    const payload = JSON.parse(Buffer.from(map, 'base64').toString('utf8')) as SourceMapPayload;
    rememberSourceMap(file, payload, source.async ? wrapper.length : wrapper.length - 'async '.length);
  }
  return { code };
}
