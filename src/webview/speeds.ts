// The places of the speed limit's slider. Pure; throttle.ts draws it.
import type { RunDocument } from '../protocol/run';
import { isFinal } from './model';

/** Documents a second; the place behind the last means no limit. */
export const speeds = [
  10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000,
] as const;

/** Only what writes documents can be held back, while it does. */
export function canBeThrottled(run: RunDocument): boolean {
  return (run.mode === 'up' || run.mode === 'down') && !isFinal(run.state) && run.control !== 'cancel';
}

/** The place of a limit on the slider: of one between two, the lower. */
export function placeOf(limit: number | undefined): number {
  if (limit === undefined) return speeds.length;
  return Math.max(
    0,
    speeds.findLastIndex((speed) => speed <= limit),
  );
}
