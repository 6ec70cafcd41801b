// Ctrl-C and its kin during a run: the first asks the run to end within its batch (and to be rolled
// back, where the config wants that), the second ends the process.
import { constants } from 'node:os';
import type { EngineSettings, RunSwitch } from '../engine/scope';
import { exitNow } from '../migration/exitGuard';
import { ExitCode } from '../protocol/errors';
import type { Output } from './output';
import { startWatchdog } from './watchdog';

const names = ['SIGINT', 'SIGTERM'] as const;

/** @returns a function that leaves signals to the system again. */
export function obeySignals(
  runSwitch: RunSwitch,
  output: Pick<Output, 'say'>,
  { onCancel = 'keep' }: Pick<EngineSettings, 'onCancel'> = {},
): () => void {
  const then = onCancel === 'rollback' ? ' and rolling back' : '';
  const watchdog = startWatchdog(
    names.map((name) => constants.signals[name]),
    ExitCode.cancelled,
  );
  const onSignal = (): void => {
    if (runSwitch.signal.aborted) exitNow(ExitCode.cancelled);
    watchdog.heard();
    output.say(`Cancelling after the current batch${then}. Once more ends it at once.`, 'warn');
    runSwitch.cancel();
  };
  for (const name of names) process.on(name, onSignal);
  return () => {
    for (const name of names) process.off(name, onSignal);
    watchdog.stop();
  };
}
