// What src/migration/typesFile.json holds: the declarations that authors need, as the compiler makes them of our own
// sources. Run it by hand after a change: node --import tsx tools/typesFile.ts. A test holds both together.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './build';
import { run } from './servers/command';

const sources = ['migration/kinds', 'project/migratoryConfig', 'project/defineConfig'];
export const typesJson = join(root, 'src', 'migration', 'typesFile.json');

/** Lines of the inside of `declare module 'migratory' {…}`, without what comes from the driver. */
export async function declarationLines(): Promise<string[]> {
  const out = await mkdtemp(join(tmpdir(), 'migratory-types-'));
  try {
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const project = join(root, 'tools', 'declarations.tsconfig.json');
    await run(process.execPath, [tsc, '-p', project, '--outDir', out]);
    const texts = await Promise.all(sources.map((source) => readFile(join(out, `${source}.d.ts`), 'utf8')));
    return texts.flatMap(insideOfModule);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

function insideOfModule(text: string): string[] {
  return text
    .split('\n')
    .filter(
      (line) =>
        !/^(?:import|export) (?:type )?\{/.test(line) && !/^\/\/ |^export declare function is/.test(line),
    )
    .map((line) =>
      line
        .replace(/^export declare /, 'export ')
        .replaceAll('    ', '  ')
        .trimEnd(),
    )
    .filter((line) => line !== '');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const lines = await declarationLines();
  await writeFile(typesJson, `${JSON.stringify({ lines }, null, 2)}\n`);
}
