// The tier "grammar": our grammars as VS Code uses them, injected into its own grammars of the host languages.
// test/grammar/assert holds files with assertions (vscode-tmgrammar-test), test/grammar/snap files with a `.snap`
// beside them (vscode-tmgrammar-snap). `npm run test:grammar -- --update` writes the snapshots anew.
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { root } from '../build';
import { run } from '../servers/command';
import { emptyResult, type TierResult } from '../tiers';
import { codeServer } from '../vscode/codeServer';

interface Contributions {
  languages?: object[];
  grammars?: { path: string }[];
}

/** The extensions of VS Code whose languages migrations are written in. */
const hosts = ['javascript', 'typescript-basics', 'python', 'json'];

/** Tries every file below test/grammar; each is one test. Throws when there are none. */
export async function runGrammarTests(update: boolean): Promise<TierResult> {
  const assertions = await filesIn('assert');
  const snapshots = (await filesIn('snap')).filter((file) => !file.endsWith('.snap'));
  if (assertions.length + snapshots.length === 0) throw new Error('There are no tests in test/grammar');
  const config = await writeConfiguration();
  const result = emptyResult();
  for (const file of assertions) await runFile(result, 'vscode-tmgrammar-test', config, file, []);
  for (const file of snapshots) {
    await runFile(result, 'vscode-tmgrammar-snap', config, file, update ? ['--updateSnapshot'] : []);
  }
  return result;
}

async function filesIn(kind: string): Promise<string[]> {
  const folder = join('test', 'grammar', kind);
  const names = await readdir(join(root, folder)).catch(() => []);
  names.sort((a, b) => a.localeCompare(b));
  return names.map((name) => join(folder, name));
}

async function runFile(
  result: TierResult,
  program: string,
  config: string,
  file: string,
  more: string[],
): Promise<void> {
  const entry = program.endsWith('snap') ? 'snapshot.js' : 'unit.js';
  const script = join(root, 'node_modules', 'vscode-tmgrammar-test', 'dist', entry);
  try {
    // Its globs know no backslashes.
    await run(process.execPath, [script, ...more, '--config', config, file.replaceAll('\\', '/')], {
      cwd: root,
    });
    result.passed++;
    process.stdout.write(`  ok      ${file}\n`);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    result.failed++;
    result.failures.push({ title: file, message });
    process.stdout.write(`  FAILED  ${file}\n${message}\n`);
  }
}

/** A manifest with our contributions and those of the host languages. */
async function writeConfiguration(): Promise<string> {
  const { serverMain } = await codeServer();
  const extensions = join(dirname(serverMain), '..', 'extensions');
  const folder = join(root, 'out', 'grammar');
  await mkdir(folder, { recursive: true });
  const languages: object[] = [];
  const grammars: object[] = [];
  for (const home of [root, ...hosts.map((name) => join(extensions, name))]) {
    const manifest = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as {
      contributes?: Contributions;
    };
    languages.push(...(manifest.contributes?.languages ?? []));
    for (const grammar of manifest.contributes?.grammars ?? []) {
      grammars.push({ ...grammar, path: relative(folder, join(home, grammar.path)) });
    }
  }
  const file = join(folder, 'package.json');
  await writeFile(file, JSON.stringify({ contributes: { languages, grammars } }));
  return file;
}
