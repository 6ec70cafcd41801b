// Whole documents out of the run panel, read-only and as Extended JSON: those in quarantine, both versions of those
// in conflict, and the before and after of a dry run.
import * as vscode from 'vscode';
import { UserError } from '../protocol/errors';
import type { RunSnapshot } from '../protocol/events';
import type { PanelMessage } from '../protocol/panel';
import type { VirtualDocuments } from './documents';
import { pretty } from './documents';

type OfType<T extends PanelMessage['type']> = Extract<PanelMessage, { type: T }>;
export type OpenMessage = OfType<'openDiff' | 'openDocument'>;
type Which = Pick<OfType<'openDocument'>, 'step' | 'collection'> & { id: unknown };
type ReadQuarantined = (which: Which) => Promise<{ kept: unknown; current: unknown }>;

const t = vscode.l10n.t;

export async function openDiff(
  { step, index }: OfType<'openDiff'>,
  snapshot: RunSnapshot | undefined,
  documents: VirtualDocuments,
): Promise<void> {
  const report = snapshot?.reports.find((candidate) => candidate.step === step);
  const diff = report?.diffs[index];
  if (!diff) return;
  const title = t('{0}: before and after {1}', diff.collection, step);
  await showDiff(documents, diff.collection, [diff.before, diff.after], title);
}

/** Both versions side by side where they differ, else the one that there is. */
export async function openDocument(
  message: OfType<'openDocument'>,
  snapshot: RunSnapshot | undefined,
  documents: VirtualDocuments,
  readQuarantined: ReadQuarantined,
): Promise<void> {
  const { of, step, collection, id } = message;
  if (of === 'conflicts') {
    const row = snapshot?.conflicts.find(
      (one) => one.step === step && one.collection === collection && JSON.stringify(one.id) === id,
    );
    if (!row) return;
    return showDiff(documents, collection, [row.before, row.current], t('{0}: before, and now', collection));
  }
  const { kept, current } = await readQuarantined({ step, collection, id: JSON.parse(id) as unknown });
  const texts = [...new Set([kept, current].map(pretty))].filter((text) => text !== '');
  const [only, other] = texts;
  if (only === undefined) throw new UserError(t('This document is not in {0} any more.', collection));
  if (other !== undefined) {
    const title = t('{0}: when it failed, and now', collection);
    return showDiff(documents, collection, [kept, current], title);
  }
  const document = await vscode.workspace.openTextDocument(documents.add(`${collection}.json`, only));
  await vscode.window.showTextDocument(document, { preview: true });
}

async function showDiff(
  documents: VirtualDocuments,
  collection: string,
  [before, after]: [before: unknown, after: unknown],
  title: string,
): Promise<void> {
  const name = `${collection}.json`;
  await vscode.commands.executeCommand(
    'vscode.diff',
    documents.add(name, pretty(before)),
    documents.add(name, pretty(after)),
    title,
    { preview: true },
  );
}
