// What went aside: documents in conflict after a roll back, and documents in quarantine.
import { html, nothing, type TemplateResult } from 'lit';
import type { ConflictEvent, QuarantinedEvent } from '../protocol/events';
import type { RunStep } from '../protocol/run';
import { isTooLarge, readDocument } from './bson';
import { idText, valueText } from './diff';
import { send } from './host';
import { isFinal } from './model';
import { icon, rowsShown, section, shownLine, table, type Column, type Content, type Page } from './parts';
import { documentLink, labelOf, placeLink } from './places';
import { text } from './strings';

export function conflicts(page: Page): Content {
  const rows = page.snapshot.conflicts.filter((row) => isOf(row, page.step));
  const decidable = page.step !== undefined && isFinal(page.snapshot.run.state);
  const columns = documentColumns<ConflictEvent>((row) => conflictDetails(page, row, decidable));
  // Those that were decided are counted in the run, but no longer held.
  const counted = decidable && rows.length > 0 ? rows.length : (page.step?.conflicts ?? 0);
  const all =
    decidable && rows.length > 0
      ? html`<div class="buttons small">${decisions(page.step?.name ?? '')}</div>`
      : nothing;
  return part(page, 'conflicts', rows, columns, counted, all);
}

export function quarantine(page: Page): Content {
  const rows = page.snapshot.quarantined.filter((row) => isOf(row, page.step));
  return part(
    page,
    'quarantine',
    rows,
    [
      ...documentColumns<QuarantinedEvent>(
        (row) =>
          html`<p>${row.reason}</p>
            ${placeLink(row, page.step?.file)}`,
      ),
      {
        title: text('quarantine.actions'),
        quiet: true,
        figures: true,
        cell: (row) => quarantinedRowButtons(page, row),
      },
    ],
    page.step?.quarantined ?? 0,
    quarantineButtons(page),
    quarantineWords(page),
  );
}

/** Where nothing is applied that a retry could complete, the reasons still tell what to mend. */
function quarantineWords({ snapshot, step }: Page): string | undefined {
  if (snapshot.run.mode === 'dry-run') return text('quarantine.explain.dryRun');
  return step?.state === 'rolled-back' ? text('quarantine.explain.undone') : undefined;
}

/** Once the run has ended; until then its own documents are still coming. */
function canBeRetried(page: Page): boolean {
  return page.step !== undefined && isFinal(page.snapshot.run.state) && quarantineWords(page) === undefined;
}

function quarantineButtons(page: Page): Content {
  if (!page.step || !canBeRetried(page)) return nothing;
  const { name } = page.step;
  return html`<div class="buttons small">
    <button
      class="link"
      title=${text('quarantine.retry.hint')}
      @click=${() => send({ type: 'quarantine', decision: 'retry', name })}
    >
      ${icon('debug-restart')}<span>${text('quarantine.retryAll')}</span>
    </button>
    <button
      class="link"
      title=${text('quarantine.discard.hint')}
      @click=${() => send({ type: 'quarantine', decision: 'discard', name })}
    >
      ${icon('trash')}<span>${text('quarantine.discardAll')}</span>
    </button>
  </div>`;
}

/** Icons alone, as in the rows of the editor's own lists: there may be hundreds. */
function quarantinedRowButtons(page: Page, row: QuarantinedEvent): Content {
  const { step, collection, id } = row;
  const name = page.step?.name;
  const button = (decision: 'retry' | 'discard', symbol: string): Content => {
    // What the helpers of a script have put aside is retried together.
    const together = decision === 'retry' && step !== name;
    if (name === undefined || together || !canBeRetried(page)) return nothing;
    const words = text(`quarantine.${decision}`);
    return html`<button
      class="link small-button"
      title=${words}
      aria-label=${labelOf(words, id)}
      @click=${() => send({ type: 'quarantine', decision, name, id: JSON.stringify(id) })}
    >
      ${icon(symbol)}
    </button>`;
  };
  return html`<div class="row-buttons">
    ${documentLink(page, { of: 'quarantine', step, collection, id }, true)}
    ${button('retry', 'debug-restart')} ${button('discard', 'trash')}
  </div>`;
}

/** Of the step itself and of the helpers of `ctx` in it, which are named `<step>#convert-1`. */
function isOf(row: { step: string }, step: RunStep | undefined): boolean {
  return step !== undefined && (row.step === step.name || row.step.startsWith(`${step.name}#`));
}

function documentColumns<T extends ConflictEvent | QuarantinedEvent>(
  details: (row: T) => Content,
): Column<T>[] {
  return [
    { title: text('table.collection'), cell: (row) => row.collection },
    { title: text('conflicts.document'), cell: (row) => idText(row.id) },
    { title: text('conflicts.reason'), cell: details },
  ];
}

/** Both versions stand below the reason: documents are wide, and panels are not. */
function conflictDetails(page: Page, row: ConflictEvent, decidable: boolean): Content {
  return html`<p>${row.reason}</p>
    <p><span class="type">${text('conflicts.was')}</span> ${documentCell(row.before)}</p>
    <p><span class="type">${text('conflicts.current')}</span> ${documentCell(row.current)}</p>
    <div class="buttons small">
      ${decidable && row.id !== null ? decisions(row.step, row.id) : nothing}
      ${documentLink(page, { of: 'conflicts', step: row.step, collection: row.collection, id: row.id })}
    </div>`;
}

/** Restore or keep: one document, or all of a migration. */
function decisions(name: string, id?: unknown): TemplateResult {
  const decision = (of: 'restore' | 'keep', symbol: string): TemplateResult => {
    const words = id === undefined ? text(`conflicts.${of}All`) : text(`conflicts.${of}`);
    return html`<button
      class="link"
      title=${text(`conflicts.${of}.hint`)}
      aria-label=${id === undefined ? words : labelOf(words, id)}
      @click=${() =>
        send({ type: 'resolve', decision: of, name, id: id === undefined ? undefined : JSON.stringify(id) })}
    >
      ${icon(symbol)}<span>${words}</span>
    </button>`;
  };
  return html`${decision('restore', 'discard')} ${decision('keep', 'check')}`;
}

function documentCell(document: unknown): Content {
  if (isTooLarge(document)) return html`<span class="type">${text('conflicts.tooLarge')}</span>`;
  const value = readDocument(document);
  return value ? valueText(value, false) : html`<span class="type">${text('conflicts.deleted')}</span>`;
}

function part<T>(
  page: Page,
  id: 'conflicts' | 'quarantine',
  rows: readonly T[],
  columns: readonly Column<T>[],
  counted: number,
  buttons: Content = nothing,
  explain: string = text(`${id}.explain`),
): Content {
  if (rows.length === 0 && counted === 0) return nothing;
  const total = Math.max(rows.length, counted);
  return section(
    id,
    text(`${id}.title`),
    html`<p class="lead">${explain}</p>
      ${rows.length === 0 ? nothing : table(text(`${id}.title`), columns, rows.slice(0, rowsShown(page, id)))}
      ${shownLine(page, id, { held: rows.length, total })}`,
    buttons,
  );
}
