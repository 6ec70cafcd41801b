// Runs mocha inside the extension host, where VS Code calls `run`. The outcome goes into a file; the tests beside
// this file are in the bundle tests.js.
import { join } from 'node:path';
import Mocha from 'mocha';
import TierReporter from '../../tools/tests/reporter.cjs';
import { hostState } from '../../tools/vscode/hostState';

/** Resolves when all tests passed, rejects with their number when some failed. */
export async function run(): Promise<void> {
  const { grep, results } = hostState();
  const mocha = new Mocha({
    ui: 'bdd',
    // The first request for lenses wakes the TypeScript extension, which takes its time.
    timeout: 20_000,
    color: false,
    forbidOnly: true,
    reporter: TierReporter,
    // The host goes on after its suite; the reporter must not wait for its end.
    reporterOptions: { output: results, title: 'the host suite', patience: 2 ** 31 - 1 },
  });
  if (grep !== undefined) mocha.fgrep(grep);
  mocha.addFile(join(__dirname, 'tests.js'));
  const failed = await new Promise<number>((resolve) => {
    mocha.run(resolve);
  });
  if (failed > 0) throw new Error(`${failed} of the host tests failed`);
}
