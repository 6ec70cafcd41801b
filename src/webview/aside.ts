// What went aside: documents in conflict after a roll back, and documents in quarantine.
import { html, nothing, type TemplateResult } from 'lit';
import type { ConflictEvent, QuarantinedEvent } from '../protocol/events';
import { readDocument } from './bson';
import { idText, valueText } from './diff';
import { send } from './host';
import { isFinal } from './model';
import { icon, rowsShown, section, shownLine, table, type Column, type Content, type Page } from './parts';
import { text } from './strings';

export function conflicts(page: Page): Content {
  const rows = page.snapshot.conflicts.filter((row) => row.step === page.step?.name);
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
  const rows = page.snapshot.quarantined.filter((row) => row.step === page.step?.name);
  return part(
    page,
    'quarantine',
    rows,
    [
      ...documentColumns<QuarantinedEvent>((row) => row.reason),
      {
        title: text('quarantine.open'),
        quiet: true,
        figures: true,
        cell: (row) => openButton(page, 'quarantine', row),
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
function quarantineButtons(page: Page): Content {
  const { snapshot, step } = page;
  if (!step || !isFinal(snapshot.run.state) || quarantineWords(page) !== undefined) return nothing;
  const { name } = step;
  return html`<div class="buttons small">
    <button
      class="link"
      title=${text('quarantine.retry.hint')}
      @click=${() => send({ type: 'command', command: 'retryQuarantine', name })}
    >
      ${icon('debug-restart')}<span>${text('quarantine.retry')}</span>
    </button>
    <button
      class="link"
      title=${text('quarantine.discard.hint')}
      @click=${() => send({ type: 'command', command: 'discardQuarantine', name })}
    >
      ${icon('trash')}<span>${text('quarantine.discard')}</span>
    </button>
  </div>`;
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
      ${decidable && row.id !== null ? decisions(row.step, JSON.stringify(row.id)) : nothing}
      ${openButton(page, 'conflicts', row)}
    </div>`;
}

/** The whole document in an editor of its own; of one in conflict both versions, side by side. */
function openButton(
  page: Page,
  of: 'quarantine' | 'conflicts',
  { step, collection, id }: QuarantinedEvent | ConflictEvent,
): Content {
  if (id === null || id === undefined) return nothing;
  const words = of === 'conflicts' ? text('conflicts.compare') : text('quarantine.open');
  const key = JSON.stringify(id);
  const run = page.snapshot.run._id;
  return html`<button
    class="link"
    aria-label=${`${words}: ${key}`}
    @click=${() => send({ type: 'openDocument', run, of, step, collection, id: key })}
  >
    ${icon(of === 'conflicts' ? 'diff' : 'json')}<span>${words}</span>
  </button>`;
}

/** Restore or keep: one document, or all of a migration. */
function decisions(name: string, id?: string): TemplateResult {
  const decision = (of: 'restore' | 'keep', symbol: string): TemplateResult => {
    const words = id === undefined ? text(`conflicts.${of}All`) : text(`conflicts.${of}`);
    return html`<button
      class="link"
      title=${text(`conflicts.${of}.hint`)}
      aria-label=${id === undefined ? words : `${words}: ${id}`}
      @click=${() => send({ type: 'resolve', decision: of, name, id })}
    >
      ${icon(symbol)}<span>${words}</span>
    </button>`;
  };
  return html`${decision('restore', 'discard')} ${decision('keep', 'check')}`;
}

function documentCell(document: unknown): Content {
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
