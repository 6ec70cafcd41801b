// A process that runs one job through execute() and is killed on its way: started by crash.ts.
import type { CrashPoint } from '../../../src/transfer/types';
import { Stage } from '../harness/stage';
import { batchSize, jobs, listenBetween, type JobName } from './jobs';

/** Where the process ends. */
export type Kill =
  /** At a named point of the kernel, once this many documents are done. */
  | { at: 'point'; point: CrashPoint; done: number }
  /** When the run tells of something: the verification, the end of its step. */
  | { at: 'event'; type: string }
  /** Between two commands of a script. */
  | { at: 'command'; commands: number }
  /** When the engine has had the answer to this many commands of a name. */
  | { at: 'reply'; command: string; times: number }
  /** By whoever started it. */
  | { at: 'parent' };

export interface Order {
  /** With the name of the database. */
  uri: string;
  job: JobName;
  direction: 'up' | 'down';
  kill: Kill;
  /** Stands still there instead, until it is woken. */
  freezes?: boolean;
}

let frozen = false;

function stop(freezes: boolean): void {
  if (frozen) return;
  frozen = freezes;
  process.kill(process.pid, freezes ? 'SIGSTOP' : 'SIGKILL');
}

async function run({ uri, job, direction, kill, freezes = false }: Order): Promise<void> {
  const die = (): void => stop(freezes);
  const stage = await Stage.at(uri, jobs[job].migrations(), { batchSize });
  if (kill.at === 'command') listenBetween((commands) => void (commands >= kill.commands && die()));
  if (kill.at === 'reply') {
    let seen = 0;
    stage.client.on('commandSucceeded', ({ commandName }) => {
      if (commandName === kill.command && ++seen >= kill.times) die();
    });
  }
  const result = await stage.run(
    { mode: direction, names: stage.names },
    {
      hooks: { event: ({ type }) => void (kill.at === 'event' && type === kill.type && die()) },
      crashPoint(point, done) {
        if (kill.at === 'point' && point === kill.point && done >= kill.done) die();
      },
    },
  );
  console.error(`the process came to its end: exit code ${result.exitCode}`, result.run.error);
  process.exit(1);
}

process.once('message', (order: Order) => {
  run(order).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
