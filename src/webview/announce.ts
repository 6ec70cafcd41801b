// What a screen reader hears without asking: changes of state, and every tenth of the way.
import type { RunSnapshot } from '../protocol/events';
import { percent } from './format';
import { percentage, shownStep, stateBadge } from './model';
import { text } from './strings';

/** The sentence for what is new in `next`; undefined when nothing is worth interrupting for. */
export function announcement(before: RunSnapshot | undefined, next: RunSnapshot): string | undefined {
  const step = shownStep(next.run, null);
  const name = step?.name ?? '';
  const words = stateBadge(next.run).words;
  const sameRun = before?.run._id === next.run._id;
  if (!before || !sameRun || stateBadge(before.run).words !== words) {
    return text('announce.state', { name, state: words });
  }
  const old = before.run.steps.find((one) => one.name === name);
  const done = step ? percentage(step) : null;
  if (!old || done === null || done >= 100) return undefined;
  const tenth = Math.floor(done / 10);
  return tenth > Math.floor((percentage(old) ?? 0) / 10)
    ? text('announce.state', { name, state: text('announce.progress', { percent: percent(tenth * 10) }) })
    : undefined;
}
