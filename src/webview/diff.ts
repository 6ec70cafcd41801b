// Documents before and after, field by field, with their BSON types; what did not change is folded away.
import { html, nothing, type TemplateResult } from 'lit';
import type { DryRunReport } from '../protocol/events';
import { compareDocuments, inside, isTooLarge, readDocument, readValue } from './bson';
import type { BsonValue, FieldChange } from './bson';
import { number } from './format';
import { send } from './host';
import { fold, icon, rowsShown, shownLine, type Content, type Page } from './parts';
import { plural, text } from './strings';

/** A value longer than this is cut in the panel, with a note; the diff editor shows it whole. */
const longest = 400;
const longestId = 200;
const fieldsAtFirst = 50;

export function valueText(value: BsonValue | undefined, withType: boolean = true): Content {
  if (!value) return nothing;
  const rest = value.text.length - longest;
  const shown = rest > 0 ? value.text.slice(0, longest) : value.text;
  const kind = value.type.replace(/ .*/, '').toLowerCase();
  return html`<code class="value bson-${kind}">${shown}</code>${
      rest > 0 ? html`<span class="more">${plural('diff.more', rest, number(rest))}</span>` : nothing
    }
    ${withType ? html`<span class="type">${value.type}</span>` : nothing}`;
}

/** A document's `_id`, short enough for a line. */
export function idText(id: unknown): TemplateResult {
  return html`<code>${shortId(inside(readValue(id)))}</code>`;
}

export function shortId(shown: string): string {
  return shown.length > longestId ? `${shown.slice(0, longestId)}…` : shown;
}

export function sampleDiff(
  page: Page,
  report: DryRunReport,
  sample: DryRunReport['diffs'][number],
  index: number,
): TemplateResult {
  const open = (): void => send({ type: 'openDiff', run: page.snapshot.run._id, step: report.step, index });
  const changes = isTooLarge(sample.before) || isTooLarge(sample.after) ? undefined : changesOf(sample);
  return html`<article class="sample">
    <div class="sample-head">
      <h4>${sample.collection} ${idText(sample.id)} ${fate(sample, changes)}</h4>
      <button
        class="link"
        aria-label=${text('diff.openOf', { id: shortId(readValue(sample.id).text) })}
        @click=${open}
      >
        ${icon('diff')}<span>${text('diff.open')}</span>
      </button>
    </div>
    ${
      changes
        ? fields(page, `${report.step}.${index}`, changes)
        : html`<p class="too-large">${text('diff.tooLarge')}</p>`
    }
  </article>`;
}

function changesOf({ before, after }: DryRunReport['diffs'][number]): FieldChange[] {
  return compareDocuments(readDocument(before), readDocument(after));
}

function fields(page: Page, key: string, changes: readonly FieldChange[]): TemplateResult {
  const changed = changes.filter((field) => field.change !== 'same');
  const same = changes.filter((field) => field.change === 'same');
  return html`${changed.length > 0 ? fieldTable(page, `fields.${key}`, changed) : nothing}
  ${
    same.length === 0
      ? nothing
      : fold(page, `diff.${key}`, plural('diff.unchanged', same.length, number(same.length)), () =>
          fieldTable(page, `same.${key}`, same),
        )
  }`;
}

function fate(sample: DryRunReport['diffs'][number], changes: FieldChange[] | undefined): Content {
  const words = fateWords(sample, changes);
  return words === undefined ? nothing : html`<span class="fate">${words}</span>`;
}

function fateWords(
  { before, after }: DryRunReport['diffs'][number],
  changes: FieldChange[] | undefined,
): string | undefined {
  if (before == null) return text('diff.newDocument');
  if (after == null) return text('diff.goneDocument');
  if (!changes || changes.some((field) => field.change !== 'same')) return undefined;
  const isSame = readDocument(before)?.text === readDocument(after)?.text;
  return isSame ? text('diff.sameDocument') : text('diff.reordered');
}

function fieldTable(page: Page, key: string, fields: readonly FieldChange[]): TemplateResult {
  const shown = fields.slice(0, rowsShown(page, key, fieldsAtFirst));
  return html`<table role="table" class="fields" aria-label=${text('diff.title')}>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">${text('diff.field')}</th>
          <th role="columnheader" scope="col">${text('diff.before')}</th>
          <th role="columnheader" scope="col">${text('diff.after')}</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${shown.map(fieldRow)}
      </tbody>
    </table>
    ${shownLine(page, key, { held: fields.length, first: fieldsAtFirst })}`;
}

function fieldRow(field: FieldChange): TemplateResult {
  const mark =
    field.change === 'same' ? nothing : html`<span class="hidden">${text(`diff.${field.change}`)}</span>`;
  return html`<tr role="row" class=${field.change}>
    <th role="rowheader" scope="row">${field.path} ${mark}</th>
    ${side('before', field.before)} ${side('after', field.after)}
  </tr>`;
}

function side(name: 'before' | 'after', value: BsonValue | undefined): TemplateResult {
  return html`<td role="cell" class=${value ? name : `${name} absent`} data-label=${text(`diff.${name}`)}>
    ${value ? valueText(value) : html`<span class="type">${text('diff.absent')}</span>`}
  </td>`;
}
