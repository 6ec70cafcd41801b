// The events of a run as lines of a task's terminal, in the form that the command line prints too, so that one problem
// matcher reads both. Pure.
import type { ErrorInfo } from '../../protocol/errors';
import type { Event } from '../../protocol/events';

export function linesOf(event: Event): string[] {
  switch (event.type) {
    case 'step.started':
      return [`▸ ${event.step}`];
    case 'check':
    case 'verification':
      if (event.outcome !== 'failed') return [];
      return [
        `  ${event.severity}: ${event.check}: ${event.details}${event.action ? ` ${event.action}` : ''}${placeOf(event)}`,
      ];
    case 'log':
      return event.message.split('\n').map((line) => `  ${line}`);
    case 'quarantined':
    case 'conflict':
      return [`  ${event.type}: ${JSON.stringify(event.id)}: ${event.reason}`];
    case 'report':
      return reportLines(event.report);
    case 'step.finished':
      return [
        `${event.error === null ? '✓' : '✗'} ${event.step}: ${event.state} (${(event.durationMs / 1000).toFixed(1)} s${
          event.processed > 0 ? `, ${event.processed} documents` : ''
        })`,
        ...(event.error ? [errorLine(event.error)] : []),
      ];
    default:
      return [];
  }
}

/** `error: message (file:line:column)`, in one line whatever the message holds. */
export function errorLine(error: ErrorInfo): string {
  return `error: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}${placeOf(error)}`;
}

function placeOf({ file, line, column }: Pick<ErrorInfo, 'file' | 'line' | 'column'>): string {
  return file === undefined ? '' : ` (${file}${line === undefined ? '' : `:${line}:${column ?? 1}`})`;
}

function reportLines(report: Extract<Event, { type: 'report' }>['report']): string[] {
  const { sampled, collections, repeatable, reversible, warnings } = report;
  return [
    `  rehearsed on ${sampled.documents} of ${sampled.of} documents`,
    ...collections.map(
      ({ collection, scanned, changed, inserted, deleted }) =>
        `  ${collection}: ${changed} of ${scanned} changed, ${inserted} inserted, ${deleted} deleted`,
    ),
    `  repeatable: ${repeatable.answer}. ${repeatable.details}`,
    `  reversible: ${reversible.answer}. ${reversible.details}`,
    ...warnings.map((warning) => `  warning: ${warning}`),
  ];
}
