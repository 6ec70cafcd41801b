// The figures of the steps of one run: a monitor for each step, whose numbers go into the run document, and totals
// that are put together of the parts that a script has.
import type { RunStep } from '../protocol/run';
import { ProgressMonitor, type ProgressFigures } from './monitor';

export class StepFigures {
  readonly #monitors = new Map<RunStep, ProgressMonitor>();
  readonly #totals = new Map<RunStep, Map<string, number>>();

  /** The work of the step begins, maybe once more. */
  begin(step: RunStep, total: number | null): void {
    this.#monitors.set(step, new ProgressMonitor(total));
    this.#totals.delete(step);
    step.total = total;
  }

  has(step: RunStep): boolean {
    return this.#monitors.has(step);
  }

  of(step: RunStep): ProgressMonitor {
    const known = this.#monitors.get(step);
    if (known) return known;
    const monitor = new ProgressMonitor();
    this.#monitors.set(step, monitor);
    return monitor;
  }

  /** @param part of a step that has several, each with a total of its own: they add up. */
  setTotal(step: RunStep, total: number | null, part: string): void {
    const parts = this.#totals.get(step) ?? new Map<string, number>();
    this.#totals.set(step, parts);
    if (total === null) parts.delete(part);
    else parts.set(part, total);
    const sum = parts.size === 0 ? null : [...parts.values()].reduce((a, b) => a + b, 0);
    this.of(step).total = sum;
    step.total = sum;
  }

  /** Brings the step up to date. */
  copy(step: RunStep): ProgressFigures {
    const figures = this.of(step).figures();
    step.processed = figures.processed;
    step.total = figures.total;
    step.rate = figures.rate;
    step.etaSeconds = figures.etaSeconds;
    step.batchMs = figures.batchMs;
    return figures;
  }
}
