// The report of a dry run as lines of text.
import { bytes, count } from '../engine/checks/check';
import { formatTime } from '../engine/monitor';
import type { DryRunReport, Verdict } from '../protocol/events';

export function renderReport(report: DryRunReport): string[] {
  const { documents, of, complete } = report.sampled;
  const lines = [
    complete
      ? `rehearsed on all ${count(documents)} documents`
      : `rehearsed on ${count(documents)} of ${count(of)} documents`,
  ];
  const commands = Object.entries(report.commands).map(([name, times]) => `${name} ${times}`);
  if (commands.length > 0) lines.push(`commands: ${commands.join(', ')}`);
  for (const each of report.collections) {
    const { collection, scanned, changed, inserted, deleted, indexes, options } = each;
    lines.push(
      [
        `${collection}: ${count(changed)} of ${count(scanned)} changed, ${count(inserted)} inserted, ${count(deleted)} deleted`,
        ...indexes,
        ...options,
      ].join('; '),
    );
  }
  lines.push(verdict('repeatable', report.repeatable), verdict('reversible', report.reversible));
  const { seconds } = report.estimate;
  if (report.estimate.documents !== null && seconds !== null) {
    const time = seconds < 1 ? 'less than a second' : formatTime(seconds);
    lines.push(
      `the whole data: about ${count(report.estimate.documents)} documents in ${time}${grown(report.estimate.growthBytes)}`,
    );
  }
  return [...lines, ...report.warnings.map((warning) => `warning: ${warning}`)];
}

function verdict(name: string, { answer, details }: Verdict): string {
  return `${name}: ${answer}. ${details}`;
}

function grown(size: number | null): string {
  if (size === null || size === 0) return '';
  return `, ${bytes(Math.abs(size))} ${size > 0 ? 'more' : 'less'}`;
}
