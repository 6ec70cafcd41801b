// What a dry run found: verdicts, what each collection went through, estimates, warnings, sampled documents.
import { html, nothing, type TemplateResult } from 'lit';
import type { CollectionReport, DryRunReport, Verdict } from '../protocol/events';
import { sampleDiff } from './diff';
import { duration, growth, number } from './format';
import type { Tone } from './model';
import { guarded, guardedRows, icon, rowsShown, section, shownLine, table } from './parts';
import type { Column, Content, Page } from './parts';
import { plural, text } from './strings';

export function dryRunReport(page: Page): Content {
  const report = page.snapshot.reports.find((one) => one.step === page.step?.name);
  if (!report) return nothing;
  const parts = [verdicts, notes, collections, estimates, commands, samples];
  return section(
    'report',
    text('report.title'),
    html`<p class="lead">${lead(report)}</p>
      ${parts.map((part) => guarded(() => part(page, report)))}`,
  );
}

function lead({ sampled }: DryRunReport): string {
  return sampled.complete
    ? text('report.ranOn.all', { n: number(sampled.documents) })
    : text('report.ranOn.some', { n: number(sampled.documents), of: number(sampled.of) });
}

function verdicts(_page: Page, report: DryRunReport): TemplateResult {
  const up: Verdict = {
    answer: report.succeeded ? 'yes' : 'no',
    details: report.error?.message ?? (report.succeeded ? text('report.up.details') : ''),
  };
  return html`<dl class="verdicts">
    ${verdict(text('report.up'), up, report.succeeded ? text('report.up.yes') : text('report.up.no'))}
    ${verdict(text('report.repeatable'), report.repeatable)}
    ${verdict(text('report.reversible'), report.reversible)}
  </dl>`;
}

const verdictIcons: Record<Verdict['answer'], [icon: string, tone: Tone]> = {
  yes: ['pass-filled', 'good'],
  no: ['warning', 'warn'],
  unknown: ['question', 'calm'],
};

function verdict(name: string, { answer, details }: Verdict, words?: string): TemplateResult {
  const [symbol, tone]: [string, Tone] =
    words !== undefined && answer === 'no' ? ['error', 'bad'] : verdictIcons[answer];
  return html`<div class="verdict">
    <dt>${name}</dt>
    <dd>
      <span class="answer">${icon(symbol, tone)} ${words ?? text(`report.${answer}`)}</span>
      <span class="details">${details}</span>
    </dd>
  </div>`;
}

function notes(_page: Page, report: DryRunReport): Content {
  const refused = report.refusedByValidator;
  const lines = [
    ...(refused > 0 ? [plural('report.refused', refused, number(refused))] : []),
    ...report.warnings,
  ];
  if (lines.length === 0) return nothing;
  return html`<h3>${text('report.warnings')}</h3>
    <ul class="notes">
      ${lines.map((line) => html`<li>${icon('warning', 'warn')}<span>${line}</span></li>`)}
    </ul>`;
}

function collections(page: Page, report: DryRunReport): TemplateResult {
  if (report.collections.length === 0) return html`<p class="lead">${text('report.nothing')}</p>`;
  const key = `collections.${report.step}`;
  const figures = (title: string, value: (row: CollectionReport) => number): Column<CollectionReport> => ({
    title,
    figures: true,
    cell: (row) => number(value(row)),
  });
  const columns: Column<CollectionReport>[] = [
    { title: text('report.collection'), cell: (row) => html`<b>${row.collection}</b>` },
    figures(text('report.scanned'), (row) => row.scanned),
    figures(text('report.changed'), (row) => row.changed),
    figures(text('report.inserted'), (row) => row.inserted),
    figures(text('report.deleted'), (row) => row.deleted),
  ];
  const touched = report.collections.flatMap(({ collection, indexes, options }) => [
    ...indexes.map((change) => ({ collection, change, symbol: 'key' })),
    ...options.map((change) => ({ collection, change, symbol: 'settings-gear' })),
  ]);
  return html`<h3>${text('report.collections')}</h3>
    ${table(text('report.collections'), columns, report.collections.slice(0, rowsShown(page, key)))}
    ${shownLine(page, key, { held: report.collections.length })}
    ${
      touched.length === 0
        ? nothing
        : html`<h3>${text('report.indexes')}</h3>
            <ul class="notes">
              ${touched.map(
                ({ collection, change, symbol }) =>
                  html`<li>
                    ${icon(symbol)}<span><b>${collection}</b> ${change}</span>
                  </li>`,
              )}
            </ul>`
    }`;
}

function estimates(_page: Page, { estimate }: DryRunReport): Content {
  const about = (value: string): string => text('report.estimate.about', { value });
  const facts: [string, string][] = [];
  if (estimate.documents !== null)
    facts.push([text('report.estimate.documents'), number(estimate.documents)]);
  if (estimate.seconds !== null)
    facts.push([text('report.estimate.seconds'), about(duration(estimate.seconds))]);
  if (estimate.growthBytes !== null)
    facts.push([text('report.estimate.growth'), about(growth(estimate.growthBytes))]);
  if (facts.length === 0) return nothing;
  return html`<h3>${text('report.estimate')}</h3>
    <dl class="figures-grid">
      ${facts.map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>`;
}

function commands(_page: Page, report: DryRunReport): Content {
  const counts = Object.entries(report.commands);
  if (counts.length === 0) return nothing;
  return html`<h3>${text('report.commands')}</h3>
    <ul class="commands">
      ${counts.map(([name, count]) => html`<li><code>${name}</code> <b>${number(count)}</b></li>`)}
    </ul>`;
}

function samples(page: Page, report: DryRunReport): Content {
  if (report.diffs.length === 0) return nothing;
  const key = `diffs.${report.step}`;
  const shown = report.diffs.slice(0, rowsShown(page, key));
  return html`<h3>${text('diff.title')}</h3>
    ${guardedRows(shown, (sample, index) => sampleDiff(page, report, sample, index))}
    ${shownLine(page, key, { held: report.diffs.length })}`;
}
