// Commands on files: new migration, open a migration at its place, compare a file with what was applied.
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../protocol/errors';
import { Command } from '../manifest';
import type { Services } from '../services';
import { chooseMigrations } from './choose';

const t = vscode.l10n.t;

/** Opens a file: at a migration, or at a line that an error named. */
export async function openMigration([arg]: readonly unknown[], services: Services): Promise<void> {
  const place = placeOf(arg);
  if (!place) return;
  const document = await vscode.workspace.openTextDocument(vscode.Uri.file(place.file));
  const at = place.line === undefined ? await positionOf(document, place, services) : position(place);
  await vscode.window.showTextDocument(document, at && { selection: new vscode.Range(at, at) });
}

interface Place {
  file: string;
  index?: number;
  line?: number;
  column?: number;
}

function placeOf(arg: unknown): Place | undefined {
  if (typeof arg !== 'object' || arg === null) return undefined;
  const { row } = arg as { row?: unknown };
  const place = (row ?? arg) as Partial<Record<keyof Place, unknown>>;
  if (typeof place.file !== 'string') return undefined;
  const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
  return {
    file: place.file,
    index: number(place.index),
    line: number(place.line),
    column: number(place.column),
  };
}

/** Lines and columns of errors count from 1. */
function position({ line = 1, column = 1 }: Place): vscode.Position {
  return new vscode.Position(Math.max(0, line - 1), Math.max(0, column - 1));
}

async function positionOf(
  document: vscode.TextDocument,
  { index }: Place,
  { outlines }: Services,
): Promise<vscode.Position | undefined> {
  const { entries } = await outlines.outlineOf(document);
  const entry = entries.find((candidate) => candidate.index === index);
  return entry && document.positionAt(entry.start);
}

/** The applied source out of the ledger beside the file as it is now. */
export async function compareWithApplied(args: readonly unknown[], services: Services): Promise<void> {
  const chosen = await chooseMigrations('compare', args, services);
  const [row] = chosen?.rows ?? [];
  if (!chosen || !row || !services.project) return;
  const source = await services.observer.call('appliedSource', {
    project: services.project.location,
    target: await services.connections.target(chosen.connection.id),
    name: row.name,
  });
  if (source === null) {
    throw new UserError(
      t(
        'The ledger on {0} keeps no source of "{1}", so there is nothing to compare with.',
        chosen.connection.words,
        row.name,
      ),
      { action: { label: t('Show Run'), command: Command.showRun } },
    );
  }
  const name = row.file === undefined ? `${row.name}.js` : basename(row.file);
  const applied = services.documents.add(name, source);
  if (row.file === undefined) {
    await vscode.window.showTextDocument(applied, { preview: true });
    return;
  }
  await vscode.commands.executeCommand(
    'vscode.diff',
    applied,
    vscode.Uri.file(row.file),
    t('{0}: applied on {1} and now', name, chosen.connection.words),
  );
}
