// The one run of a runner process: from the request over IPC to the engine, and pause or cancel on the way.
import type { RunHooks } from '../engine/runDocument';
import { connect } from '../engine/connect';
import { execute } from '../engine/execute';
import { folderSet } from '../engine/migrationSet';
import { RunSwitch } from '../engine/scope';
import { settingsOf } from '../engine/settings';
import { tellStray } from '../engine/strayErrors';
import { describeError } from '../migration/describeError';
import { UserError } from '../protocol/errors';
import type { Event } from '../protocol/events';
import type { RunRequest, RunResult } from '../protocol/runner';
import { loadConfig } from '../project/config';
import { requireVariables } from '../project/environment';

export class RunnerJob {
  readonly #hooks: RunHooks;
  readonly #switch = new RunSwitch();
  #run = '';
  running = false;

  constructor(hooks: RunHooks) {
    this.#hooks = {
      ...hooks,
      event: (event) => {
        this.#run = event.run;
        hooks.event?.(event);
      },
    };
  }

  async run(request: RunRequest): Promise<RunResult> {
    if (this.running) throw new UserError('This runner is at work already.');
    this.running = true;
    try {
      const config = await loadConfig(request.project);
      const connection = await connect(requireVariables(request.target), {
        appName: 'migratory run',
        signal: this.#switch.signal,
      });
      try {
        const { run, exitCode } = await execute({
          connection,
          set: folderSet(config, request.project.root),
          settings: settingsOf(config, { sample: request.sample }),
          request,
          program: 'vscode',
          wholeProcess: true,
          hooks: this.#hooks,
          switch: this.#switch,
        });
        return { run, exitCode };
      } finally {
        await connection.close();
      }
    } finally {
      this.running = false;
    }
  }

  cancel(force: boolean): void {
    this.#switch.cancel();
    // `process.exit` is guarded while an author's code runs.
    if (force) process.kill(process.pid, 'SIGKILL');
  }

  /** An error that no part of the run has caught: the function that it comes from fails by it. */
  stray(reason: unknown): void {
    if (tellStray(reason) || !this.running) return;
    const error = describeError(reason);
    const message = `An error was not awaited by the migration: ${error.message}`;
    const event: Event = {
      type: 'log',
      run: this.#run,
      at: new Date().toISOString(),
      level: 'error',
      message,
    };
    this.#hooks.event?.(event);
  }
}
