// The errors of a run in which several migrations have failed, as a table: which migration, at which document, why, and
// where in its file. What belongs to one of them stands at the one that is picked (failure.ts).
import { html, nothing } from 'lit';
import type { ErrorInfo } from '../protocol/errors';
import type { RunStep } from '../protocol/run';
import { idText } from './diff';
import { number } from './format';
import { section, rowsShown, shownLine, table, type Column, type Content, type Page } from './parts';
import { documentLink, placeLink } from './places';
import { text } from './strings';

interface Row {
  step: RunStep;
  error: ErrorInfo;
}

export function errors(page: Page): Content {
  const rows = page.snapshot.run.steps.flatMap((step) => (step.error ? [{ step, error: step.error }] : []));
  if (rows.length < 2) return nothing;
  return section(
    'errors',
    text('errors.title'),
    html`${table(text('errors.title'), columns(page, rows), rows.slice(0, rowsShown(page, 'errors')))}
    ${shownLine(page, 'errors', { held: rows.length })}`,
    html`<span class="sum">${number(rows.length)}</span>`,
  );
}

function columns(page: Page, rows: readonly Row[]): Column<Row>[] {
  const ofDocuments: Column<Row> = {
    title: text('conflicts.document'),
    cell: ({ step, error }) => documentCell(page, step, error),
  };
  return [
    {
      title: text('errors.migration'),
      cell: ({ step }) =>
        html`<button
          class="link"
          title=${text('steps.show', { name: step.name })}
          @click=${() => page.update(() => ({ picked: step.name }))}
        >
          <span>${step.name}</span>
        </button>`,
    },
    ...(rows.some(({ error }) => error.document) ? [ofDocuments] : []),
    {
      title: text('errors.message'),
      cell: ({ step, error }) =>
        html`<p>${error.message}</p>
          ${placeLink(placeOf(error), step.file)}`,
    },
  ];
}

function documentCell(page: Page, step: RunStep, { document }: ErrorInfo): Content {
  if (!document) return nothing;
  return html`<p>${document.collection} ${idText(document.id)}</p>
    ${documentLink(page, { of: 'errors', step: step.name, ...document })}`;
}

/** Its own place, or the innermost of its causes that has one. */
export function placeOf(error: ErrorInfo): Pick<ErrorInfo, 'file' | 'line' | 'column'> {
  for (let at: ErrorInfo | undefined = error, depth = 0; at && depth < 10; at = at.cause, depth++) {
    if (at.file !== undefined) return { file: at.file, line: at.line, column: at.column };
  }
  return {};
}
