// What the steps of a run share, put together when it begins: the ways to stop it, and the watch over clients that
// authors open by themselves.
import { OwnClients } from './ownClients';
import type { MigrationSet } from './migrationSet';
import type { Lease } from './lease';
import type { RunRecorder } from './runRecorder';
import type { RunScope, RunSwitch } from './scope';
import type { ExecuteRequest, Project } from './selection';

export interface ScopeOptions extends Project {
  request: Pick<ExecuteRequest, 'mode' | 'args'>;
  switch: RunSwitch;
  /** Nothing but this run lives in the process: every connection that is not the engine's is the author's. */
  wholeProcess?: boolean;
  crashPoint?: RunScope['crashPoint'];
}

export async function openScope(
  options: ScopeOptions,
  recorder: RunRecorder,
  lease: Lease | null,
): Promise<RunScope> {
  const { connection, set, settings, request, switch: runSwitch } = options;
  const signal = lease ? AbortSignal.any([runSwitch.signal, lease.signal]) : runSwitch.signal;
  const dryRun = request.mode === 'dry-run';
  const gate = async (): Promise<void> => {
    signal.throwIfAborted();
    lease?.check();
    if (!runSwitch.paused) return;
    recorder.pause();
    await runSwitch.wait();
    recorder.unpause();
    signal.throwIfAborted();
    lease?.check();
  };
  return {
    connection,
    db: connection.db,
    root: set.root,
    settings,
    recorder,
    ownClients: await OwnClients.open({
      connection,
      dryRun,
      wholeProcess: options.wholeProcess ?? false,
      gate,
      signal,
      log: {
        info: (message) => recorder.log('info', message),
        warn: (message) => recorder.log('warn', message),
        error: (message) => recorder.log('error', message),
      },
    }),
    lease,
    signal,
    args: request.args ?? {},
    dryRun,
    crashPoint: options.crashPoint,
    gate,
  };
}

/** Migrations may open clients while their files are loaded. */
export function watchedSet(set: MigrationSet, ownClients: OwnClients): MigrationSet {
  const loadApplied = set.loadApplied?.bind(set);
  return {
    ...set,
    load: (entry) => ownClients.run(() => set.load(entry, ownClients.outlet)),
    ...(loadApplied && {
      loadApplied: (version) => ownClients.run(() => loadApplied(version, ownClients.outlet)),
    }),
  };
}
