// The whole view of one run for those who watch it from the same program: its document with log, reports and
// findings. Capped, so that a long run stays small.
import type { Event, RunSnapshot } from '../protocol/events';
import type { RunDocument } from '../protocol/run';

const keptLogLines = 2_000;
const keptRates = 300;
const keptFindings = 1_000;

export class SnapshotKeeper {
  readonly view: RunSnapshot;

  constructor(run: RunDocument) {
    this.view = { run, log: [], reports: [], conflicts: [], quarantined: [], rates: [] };
  }

  remember(event: Event): void {
    const { log, reports, conflicts, quarantined } = this.view;
    if (event.type === 'log') {
      const { at, level, message, step } = event;
      log.push({ at, level, message, step });
      if (log.length > keptLogLines) log.shift();
    } else if (event.type === 'report') {
      reports.push(event.report);
    } else if (event.type === 'conflict') {
      if (conflicts.length < keptFindings) conflicts.push(event);
    } else if (event.type === 'quarantined' && quarantined.length < keptFindings) {
      quarantined.push(event);
    }
  }

  /** One point about each second. */
  addRate(rate: number): void {
    this.view.rates.push(rate);
    if (this.view.rates.length > keptRates) this.view.rates.shift();
  }
}
