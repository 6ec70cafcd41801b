// Documents before and after, field by field, with their BSON types; what did not change is folded away.
import { html, nothing, type TemplateResult } from 'lit';
import type { DryRunReport } from '../protocol/events';
import { compareDocuments, readDocument, readValue, inside, type BsonValue, type FieldChange } from './bson';
import { number } from './format';
import { send } from './host';
import { fold, icon, type Content, type Page } from './parts';
import { plural, text } from './strings';

/** A value longer than this is cut in the panel, with a note; the diff editor shows it whole. */
const longest = 400;

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
  const value = readValue(id);
  return html`<code>${inside(value)}</code>`;
}

export function sampleDiff(
  page: Page,
  report: DryRunReport,
  sample: DryRunReport['diffs'][number],
  index: number,
): TemplateResult {
  const before = readDocument(sample.before);
  const after = readDocument(sample.after);
  const changes = compareDocuments(before, after);
  const changed = changes.filter((field) => field.change !== 'same');
  const same = changes.filter((field) => field.change === 'same');
  const open = (): void => send({ type: 'openDiff', run: page.snapshot.run._id, step: report.step, index });
  return html`<article class="sample">
    <div class="sample-head">
      <h4>${sample.collection} ${idText(sample.id)} ${fate(before, after, changed.length)}</h4>
      <button
        class="link"
        aria-label=${text('diff.openOf', { id: readValue(sample.id).text })}
        @click=${open}
      >
        ${icon('diff')}<span>${text('diff.open')}</span>
      </button>
    </div>
    ${changed.length > 0 ? fieldTable(changed) : nothing}
    ${
      same.length === 0
        ? nothing
        : fold(
            page,
            `diff.${report.step}.${index}`,
            plural('diff.unchanged', same.length, number(same.length)),
            () => fieldTable(same),
          )
    }
  </article>`;
}

function fate(before: BsonValue | null, after: BsonValue | null, changes: number): Content {
  const words = fateWords(before, after, changes);
  return words === undefined ? nothing : html`<span class="fate">${words}</span>`;
}

function fateWords(before: BsonValue | null, after: BsonValue | null, changes: number): string | undefined {
  if (!before) return text('diff.newDocument');
  if (!after) return text('diff.goneDocument');
  if (changes > 0) return undefined;
  return before.text === after.text ? text('diff.sameDocument') : text('diff.reordered');
}

function fieldTable(fields: readonly FieldChange[]): TemplateResult {
  return html`<table role="table" class="fields" aria-label=${text('diff.title')}>
    <thead role="rowgroup">
      <tr role="row">
        <th role="columnheader" scope="col">${text('diff.field')}</th>
        <th role="columnheader" scope="col">${text('diff.before')}</th>
        <th role="columnheader" scope="col">${text('diff.after')}</th>
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${fields.map(fieldRow)}
    </tbody>
  </table>`;
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
