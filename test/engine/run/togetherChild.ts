// A runner of its own for together.ts: starts an `up` whenever it is told to.
import { ExitCode } from '../../../src/protocol/errors';
import { Stage } from '../harness/stage';
import { migrations } from './togetherJob';

export interface Answer {
  outcome: 'ready' | 'ran' | 'nothing' | 'locked' | 'failed';
  message?: string;
}

let stage: Stage | undefined;

async function obey(message: unknown): Promise<Answer> {
  if (message !== 'up') {
    stage = await Stage.at(String(message), migrations());
    return { outcome: 'ready' };
  }
  try {
    const { exitCode, run } = await stage!.run({ mode: 'up' });
    if (exitCode !== 0) return { outcome: 'failed', message: run.error?.message };
    return { outcome: run.steps.length > 0 ? 'ran' : 'nothing' };
  } catch (error) {
    const { exitCode, message: text } = error as { exitCode?: unknown; message: string };
    return { outcome: exitCode === ExitCode.locked ? 'locked' : 'failed', message: text };
  }
}

process.on('message', (message) => {
  void obey(message).then((answer) => process.send?.(answer));
});
