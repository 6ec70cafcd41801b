// Starts runs, each in a process of its own, feeds the run store from them, and passes on pause, resume and
// cancel: to the process where it is ours, else through the run document.
import type { Event, RunSnapshot } from '../protocol/events';
import type { RunControl } from '../protocol/run';
import type { ConnectionTarget, RunRequest, RunResult } from '../protocol/runner';
import type { RunStore } from './runs';
import { isOver } from './runs';
import type { RunnerProcess } from './runnerProcess';

export interface StartedRun {
  /** Answers with the first view of the run; undefined when it ended before there was one. */
  first: Promise<RunSnapshot | undefined>;
  /** Rejects when the run could not start or its process died. */
  finished: Promise<RunResult>;
  /** Asks it to stop at its next command. */
  cancel: () => Promise<void>;
}

interface OwnRun {
  process: RunnerProcess;
  request: RunRequest;
  id: string | undefined;
}

export class RunStarter {
  readonly #own = new Set<OwnRun>();

  constructor(
    private readonly startProcess: () => RunnerProcess,
    private readonly store: RunStore,
  ) {}

  /** @param onEvent hears everything that the run tells, as the command line would print it. */
  start(request: RunRequest, onEvent?: (event: Event) => void): StartedRun {
    const own: OwnRun = { process: this.startProcess(), request, id: undefined };
    if (onEvent) own.process.on('event', onEvent);
    this.#own.add(own);
    const first = this.#follow(own);
    const finished = own.process.call('start', request).finally(() => this.#release(own));
    // Both are handed out; whoever looks at one of them only must not raise an unhandled rejection.
    finished.catch(() => {});
    return { first, finished, cancel: () => own.process.call('cancel', {}) };
  }

  /** The process of a run, if it is ours and alive. */
  #find(id: string): OwnRun | undefined {
    return [...this.#own].find((own) => own.id === id && own.process.alive);
  }

  isOwn(id: string): boolean {
    return this.#find(id) !== undefined;
  }

  /** Asks the run to stop at its next command. */
  async cancel(id: string, force = false): Promise<void> {
    await this.#find(id)?.process.call('cancel', { force });
  }

  /** Ends the process of a run that does not listen any more. */
  kill(id: string): void {
    this.#find(id)?.process.kill();
  }

  /** Answers when the run's own process is gone or has answered; at once when there is none. */
  async gone(id: string): Promise<void> {
    await this.#find(id)?.process.exited;
  }

  control(
    id: string,
    target: ConnectionTarget,
    control: Exclude<RunControl, null>,
    throughDocument: (
      target: ConnectionTarget,
      run: string,
      control: Exclude<RunControl, null>,
    ) => Promise<void>,
  ): Promise<void> {
    if (control === 'cancel' && this.isOwn(id)) return this.cancel(id);
    return throughDocument(target, id, control);
  }

  /**
   * For a window that closes: runs go on alone. Rehearsals, whose result nobody could see, are cancelled and
   * clean up after themselves.
   */
  async detachAll(): Promise<void> {
    const all = [...this.#own];
    this.#own.clear();
    await Promise.all(
      all.map(async ({ process, request }) => {
        if (request.mode !== 'up' && request.mode !== 'down') await cancelled(process);
        process.detach();
      }),
    );
  }

  #follow(own: OwnRun): Promise<RunSnapshot | undefined> {
    return new Promise((resolve) => {
      own.process.on('snapshot', (snapshot) => {
        own.id = snapshot.run._id;
        this.store.putSnapshot(snapshot, this.#own.has(own));
        resolve(snapshot);
      });
      void own.process.exited.then(({ error }) => {
        if (own.id !== undefined) this.store.processEnded(own.id, { message: error.message, user: true });
        this.#own.delete(own);
        resolve(undefined);
      });
    });
  }

  /** The run has answered: its process has nothing more to do and must not linger. */
  #release(own: OwnRun): void {
    if (own.id !== undefined) {
      const snapshot = this.store.get(own.id);
      if (snapshot && isOver(snapshot.run)) this.store.processEnded(own.id);
    }
    own.process.detach();
  }
}

/** When the cancel has arrived; a window that closes waits no longer than this for a busy process. */
async function cancelled(process: RunnerProcess): Promise<void> {
  const patience = new Promise<void>((resolve) => setTimeout(resolve, 1000).unref());
  await Promise.race([process.call('cancel', {}).catch(() => undefined), patience]);
}
