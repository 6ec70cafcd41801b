// The small pieces that every part of the panel is made of: icons, folds, sections, tables that say how much
// they show, and the boundary that keeps one bad part from blanking the page.
import { html, nothing, type TemplateResult } from 'lit';
import type { RunSnapshot } from '../protocol/events';
import type { RunStep } from '../protocol/run';
import { number } from './format';
import type { ViewState } from './host';
import type { Tone } from './model';
import { plural, text } from './strings';

export type Content = TemplateResult | typeof nothing | string;

/** What every part gets. `step` is the one whose details are shown. */
export interface Page {
  snapshot: RunSnapshot;
  step: RunStep | undefined;
  view: ViewState;
  /** Milliseconds since the epoch, for what ticks. */
  now: number;
  /** Changes the view as it is when this is called, which may be newer than what was drawn. */
  update(change: (view: ViewState) => Partial<ViewState>): void;
}

export function icon(name: string, tone?: Tone): TemplateResult {
  const spin = name === 'loading' ? ' spin' : '';
  return html`<span
    class="codicon codicon-${name}${spin}${tone ? ` tone-${tone}` : ''}"
    aria-hidden="true"
  ></span>`;
}

/** Draws a part; when that fails, says so in its place and leaves the rest of the page alone. */
export function guarded(draw: () => Content): Content {
  try {
    return draw();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.error(error);
    return html`<p class="broken">${icon('bug', 'bad')} ${text('page.broken', { message })}</p>`;
  }
}

/** The same for each row of a list. */
export function guardedRows<T>(rows: readonly T[], draw: (row: T, index: number) => Content): Content[] {
  return rows.map((row, index) => guarded(() => draw(row, index)));
}

export function section(id: string, title: string, body: Content, aside: Content = nothing): TemplateResult {
  return html`<section class="card ${id}" aria-labelledby="title-${id}">
    <div class="card-head">
      <h2 id="title-${id}">${title}</h2>
      ${aside}
    </div>
    ${body}
  </section>`;
}

/** A part that folds; whether it is open is remembered. */
export function fold(
  page: Page,
  key: string,
  summary: Content,
  body: () => Content,
  openAtFirst: boolean = false,
): TemplateResult {
  const open = page.view.open[key] ?? openAtFirst;
  const onToggle = (event: Event): void => {
    const now = (event.currentTarget as HTMLDetailsElement).open;
    if (now !== open) page.update(({ open }) => ({ open: { ...open, [key]: now } }));
  };
  return html`<details class="fold" ?open=${open} @toggle=${onToggle}>
    <summary>${icon('chevron-right')}<span class="summary">${summary}</span></summary>
    ${open ? guarded(body) : nothing}
  </details>`;
}

const rowsAtFirst = 20;

/** How many rows of a part are shown: `first` (20) at first, more with each press of "Show more". */
export function rowsShown(page: Page, key: string, first: number = rowsAtFirst): number {
  return page.view.shown[key] ?? first;
}

export interface Shown {
  /** Rows in this snapshot. */
  held: number;
  /** Rows that the run counted, when the snapshot holds fewer. */
  total?: number;
  first?: number;
  /** Words of the button for more. */
  more?: string;
}

/** Says how many rows are shown and offers more, so that nothing is left out in silence. */
export function shownLine(page: Page, key: string, rows: Shown): Content {
  const { held, total = held, first = rowsAtFirst, more = text('table.more') } = rows;
  const limit = rowsShown(page, key, first);
  const shown = Math.min(held, limit);
  if (shown >= total) return nothing;
  if (held === 0) return html`<p class="shown">${text('table.absent', { n: number(total) })}</p>`;
  const showMore = (): void =>
    page.update(({ shown }) => ({ shown: { ...shown, [key]: (shown[key] ?? first) * 3 } }));
  return html`<p class="shown">
    ${text('table.shown', { shown: number(shown), total: number(total) })}
    ${shown < held ? html`<button class="link" @click=${showMore}>${more}</button>` : nothing}
    ${shown === held ? plural('table.capped', held, number(held)) : nothing}
  </p>`;
}

export interface Column<T> {
  title: string;
  /** Right-aligned figures. */
  figures?: boolean;
  /** Only for those who do not see it: what stands below speaks for itself. */
  quiet?: boolean;
  cell(row: T): Content;
}

/** A table that turns into one block per row where the page is narrow (the roles keep its meaning there). */
export function table<T>(label: string, columns: readonly Column<T>[], rows: readonly T[]): TemplateResult {
  return html`<table role="table" aria-label=${label}>
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map(
          (column) =>
            html`<th role="columnheader" scope="col" class=${column.figures ? 'figures' : ''}>
              ${column.quiet ? html`<span class="hidden">${column.title}</span>` : column.title}
            </th>`,
        )}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map((row) => tableRow(columns, row))}
    </tbody>
  </table>`;
}

function tableRow<T>(columns: readonly Column<T>[], row: T): TemplateResult {
  return html`<tr role="row">
    ${columns.map(
      (column) =>
        html`<td
          role="cell"
          data-label=${column.quiet ? '' : column.title}
          class=${column.figures ? 'figures' : ''}
        >
          ${guarded(() => column.cell(row))}
        </td>`,
    )}
  </tr>`;
}
