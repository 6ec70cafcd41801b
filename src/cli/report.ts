// The report of a dry run as lines of text.
import { formatTime } from '../engine/monitor';
import type { DryRunReport, Verdict } from '../protocol/events';

export function renderReport(report: DryRunReport): string[] {
  const { documents, of, complete } = report.sampled;
  const lines = [
    complete ? `rehearsed on all ${documents} documents` : `rehearsed on ${documents} of ${of} documents`,
  ];
  const commands = Object.entries(report.commands).map(([name, times]) => `${name} ${times}`);
  if (commands.length > 0) lines.push(`commands: ${commands.join(', ')}`);
  for (const each of report.collections) {
    const { collection, scanned, changed, inserted, deleted, indexes, options } = each;
    lines.push(
      [
        `${collection}: ${changed} of ${scanned} changed, ${inserted} inserted, ${deleted} deleted`,
        ...indexes,
        ...options,
      ].join('; '),
    );
  }
  lines.push(verdict('repeatable', report.repeatable), verdict('reversible', report.reversible));
  const { seconds } = report.estimate;
  if (report.estimate.documents !== null && seconds !== null) {
    const growth = report.estimate.growthBytes ?? 0;
    lines.push(
      `the whole data: about ${report.estimate.documents} documents in ${formatTime(seconds)}, ${growth >= 0 ? '+' : ''}${growth} bytes`,
    );
  }
  return [...lines, ...report.warnings.map((warning) => `warning: ${warning}`)];
}

function verdict(name: string, { answer, details }: Verdict): string {
  return `${name}: ${answer}. ${details}`;
}
