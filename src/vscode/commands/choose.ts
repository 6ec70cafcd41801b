// Which migrations on which connection a command is about: told by a lens, a tree row or the panel, else taken
// from the cursor, else asked. Names and connection are fixed here, at the click.
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../protocol/errors';
import type { ConnectionInfo } from '../connectionRecords';
import type { MigrationRef } from '../lensModel';
import type { Action } from '../lensModel';
import { waysOf } from '../lensModel';
import { Command } from '../manifest';
import type { MigrationRow } from '../rows';
import { rowOf } from '../rows';
import type { Services } from '../services';
import { noConnection } from '../target';
import type { MigrationNode } from '../tree/migrationsTree';
import { refOf } from '../tree/migrationItem';
import { stateWords } from '../words';

const t = vscode.l10n.t;

export interface Chosen {
  connection: ConnectionInfo;
  rows: MigrationRow[];
}

/** Undefined when the person backed out. */
export async function chooseMigrations(
  action: Action,
  args: readonly unknown[],
  services: Services,
): Promise<Chosen | undefined> {
  const refs = refsOf(args);
  if (refs.length > 0) return suiting(action, await fromRefs(refs, services), services);
  const atCursor = await migrationAtCursor(services);
  if (atCursor) return fromRefs([atCursor], services);
  return fromPick(action, services);
}

/**
 * Of several only those that the action is for, in the order in which they stand in the tree. One alone is taken as it
 * is: why it cannot be done is said by whoever does it.
 */
function suiting(action: Action, chosen: Chosen | undefined, { store }: Services): Chosen | undefined {
  if (!chosen || chosen.rows.length < 2) return chosen;
  const suit = chosen.rows.filter((row) => waysOf(row).includes(action));
  if (suit.length === 0) throw nothingSuits(chosen.connection);
  const names = new Set(suit.map(({ name }) => name));
  const rows = store.of(chosen.connection).rows.filter(({ name }) => names.has(name));
  // What was applied last is undone first.
  return { ...chosen, rows: action === 'rollBack' ? rows.sort(newestFirst) : rows };
}

function newestFirst(a: MigrationRow, b: MigrationRow): number {
  return (b.appliedAt ?? '').localeCompare(a.appliedAt ?? '');
}

function nothingSuits({ words }: ConnectionInfo): UserError {
  return new UserError(t('No migration on {0} is in a state for this.', words), {
    action: { label: t('Refresh'), command: Command.refresh },
  });
}

/** References in the arguments of a command: of one lens, one row or all selected rows, or a list of them. */
export function refsOf([first, selection]: readonly unknown[]): MigrationRef[] {
  if (Array.isArray(first)) return first.filter(isRef);
  const several = Array.isArray(selection) ? selection.filter(isMigrationNode) : [];
  if (isRunsNode(first)) return first.refs;
  if (isMigrationNode(first)) return (several.length > 0 ? several : [first]).map(refOf);
  return isRef(first) ? [first] : [];
}

function isMigrationNode(value: unknown): value is MigrationNode {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'migration';
}

/** A row of the history: it is about all migrations of its run that are still there. */
function isRunsNode(value: unknown): value is { refs: MigrationRef[] } {
  return typeof value === 'object' && value !== null && Array.isArray((value as { refs?: unknown }).refs);
}

function isRef(value: unknown): value is MigrationRef {
  return (
    typeof value === 'object' && value !== null && typeof (value as { name?: unknown }).name === 'string'
  );
}

async function fromRefs(refs: MigrationRef[], services: Services): Promise<Chosen | undefined> {
  const [first] = refs;
  const connection = await connectionOf(first, services);
  if (!connection) return undefined;
  const { rows } = services.store.of(connection);
  const wanted = new Set(refs.map(({ name }) => name));
  const named = new Map<string, MigrationRow[]>();
  for (const row of rows) {
    if (wanted.has(row.name)) named.set(row.name, [...(named.get(row.name) ?? []), row]);
  }
  const chosen = refs.map((ref) => findRow(ref, named.get(ref.name) ?? rows) ?? missing(ref));
  return { connection, rows: chosen };
}

function findRow(ref: MigrationRef, rows: readonly MigrationRow[]): MigrationRow | undefined {
  return ref.file === undefined
    ? rows.find(({ name }) => name === ref.name)
    : rowOf(rows, ref.file, { name: ref.name, index: ref.index });
}

function missing(ref: MigrationRef): never {
  throw new UserError(t('There is no migration "{0}" in the migrations folder (any more).', ref.name), {
    action: { label: t('Refresh'), command: Command.refresh },
  });
}

/** The connection of a reference as it was shown, else of its file, else the selected one, else asked. */
async function connectionOf(
  ref: MigrationRef | undefined,
  services: Services,
): Promise<ConnectionInfo | undefined> {
  const { connections } = services;
  if (ref?.connection !== undefined) {
    const shown = connections.get(ref.connection);
    if (shown) return shown;
    throw new UserError(t('The connection that was shown here does not exist any more.'), {
      action: { label: t('Select Connection'), command: Command.selectConnection },
    });
  }
  const known = ref?.file === undefined ? connections.selected : connections.ofFile(ref.file);
  return known ?? askForConnection(services);
}

/** The connection of a row in the tree, else the selected one, else asked. */
export async function connectionOfArgument(
  args: readonly unknown[],
  services: Services,
): Promise<ConnectionInfo | undefined> {
  const { connections } = services;
  return connections.get(connectionIdOf(args)) ?? connections.selected ?? askForConnection(services);
}

/** From a tree row, a reference or as an id. */
export function connectionIdOf([arg]: readonly unknown[]): string | undefined {
  if (typeof arg === 'string') return arg;
  if (typeof arg !== 'object' || arg === null) return undefined;
  const { connection } = arg as { connection?: unknown };
  if (typeof connection === 'string') return connection;
  const { id } = (connection ?? {}) as { id?: unknown };
  return typeof id === 'string' ? id : undefined;
}

export async function askForConnection(services: Services): Promise<ConnectionInfo | undefined> {
  if (services.connections.list().length === 0) throw noConnection(t);
  await vscode.commands.executeCommand(Command.selectConnection);
  return services.connections.selected;
}

async function migrationAtCursor(services: Services): Promise<MigrationRef | undefined> {
  const editor = vscode.window.activeTextEditor;
  if (!editor || !services.outlines.holds(editor.document.uri.fsPath)) return undefined;
  const file = editor.document.uri.fsPath;
  const { entries } = await services.outlines.outlineOf(editor.document);
  const offset = editor.document.offsetAt(editor.selection.active);
  const entry =
    entries.find(({ start, end }) => start <= offset && offset <= end) ??
    (entries.length === 1 ? entries[0] : undefined);
  if (!entry) return undefined;
  return { name: entry.name ?? basename(file), file, index: entry.index };
}

async function fromPick(action: Action, services: Services): Promise<Chosen | undefined> {
  const connection = await connectionOf(undefined, services);
  if (!connection) return undefined;
  const rows = services.store.of(connection).rows.filter((row) => waysOf(row).includes(action));
  if (rows.length === 0) throw nothingSuits(connection);
  const now = Date.now();
  const picked = await vscode.window.showQuickPick(
    rows.map((row) => ({ label: row.name, description: stateWords(row, t, now), row })),
    { placeHolder: t('Which migration on {0}?', connection.words), matchOnDescription: true },
  );
  return picked && { connection, rows: [picked.row] };
}
