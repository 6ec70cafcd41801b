// Runs mocha inside the extension host. VS Code calls `run`; the outcome goes into a file, because the host keeps
// `console` and `process.stdout` to itself. The tests beside this file are in the bundle tests.js.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';
import { emptyResult } from '../../tools/tiers';
import { hostState } from '../../tools/vscode/hostState';

/** Resolves when all tests passed, rejects with their number when some failed. */
export async function run(): Promise<void> {
  process.setSourceMapsEnabled(true);
  const state = hostState();
  // The first request for lenses wakes the TypeScript extension, which takes its time.
  const mocha = new Mocha({ ui: 'bdd', timeout: 20_000, reporter: Mocha.reporters.Base });
  if (state.grep !== undefined) mocha.fgrep(state.grep);
  mocha.addFile(join(__dirname, 'tests.js'));
  const result = emptyResult();
  try {
    await new Promise<void>((resolve) => {
      const runner = mocha.run(() => resolve());
      runner.on('pass', () => result.passed++);
      runner.on('pending', (test) => {
        result.skipped++;
        result.skips.push({ title: test.fullTitle(), reason: 'marked as pending in the test' });
      });
      runner.on('fail', (test, error: Error) => {
        result.failed++;
        result.failures.push({ title: test.fullTitle(), message: error.stack ?? String(error) });
      });
    });
  } catch (error) {
    result.failed++;
    result.failures.push({ title: 'loading the tests', message: String((error as Error).stack ?? error) });
  }
  writeFileSync(state.results, JSON.stringify(result));
  if (result.failed > 0) throw new Error(`${result.failed} of the host tests failed`);
}
