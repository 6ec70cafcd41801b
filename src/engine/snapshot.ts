// The whole view of one run for those who watch it from the same program: its document with log, reports and
// findings. Capped, so that a long run stays small.
import type { Event, RunSnapshot } from '../protocol/events';
import { redact } from '../protocol/redact';
import type { RunDocument, RunLogLine } from '../protocol/run';

const keptLogLines = 2_000;
const storedLogLines = 200;
const storedMessage = 1_000;
const keptRates = 300;
const keptFindings = 1_000;

export class SnapshotKeeper {
  readonly view: RunSnapshot;

  /** @param log what the run has said before it was resumed. */
  constructor(run: RunDocument, log: readonly RunLogLine[] = []) {
    this.view = { run, log: [...log], reports: [], conflicts: [], quarantined: [], rates: [] };
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

  /** What the run document keeps of the log, for whoever looks at the run later or from elsewhere. */
  lastLines(): RunLogLine[] {
    return this.view.log.slice(-storedLogLines).map((line) => ({ ...line, message: short(line.message) }));
  }

  /** One point about each second. */
  addRate(rate: number): void {
    this.view.rates.push(rate);
    if (this.view.rates.length > keptRates) this.view.rates.shift();
  }
}

/** What an author prints may be long, and may hold what it should not. */
function short(message: string): string {
  const safe = redact(message);
  return safe.length > storedMessage ? `${safe.slice(0, storedMessage)}…` : safe;
}
