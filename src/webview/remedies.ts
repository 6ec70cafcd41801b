// What can be done about a failed check from here: one button for each, where there is something to press.
import type { CheckResult } from '../protocol/run';
import type { PanelMessage } from '../protocol/panel';
import { isFinal } from './model';
import type { Page } from './parts';
import { text } from './strings';

export interface Remedy {
  icon: string;
  label: string;
  /** Told to the host, or copied. */
  does: { send: PanelMessage } | { copy: string };
}

/** What another look may find mended: others have gone on meanwhile. */
const passing: ReadonlySet<string> = new Set([
  'server',
  'long-operations',
  'index-builds',
  'members',
  'replication-lag',
  'oplog-window',
  'server-load',
  'clock',
  'disk-space',
]);
const ofConnection: ReadonlySet<string> = new Set(['read-only', 'privileges', 'write-block']);
/** Mended in the author's own code. */
const ofCode: ReadonlySet<string> = new Set([
  'source-exists',
  'collection-type',
  'transactions',
  'transform-sample',
  'types',
  'fidelity',
  'document-size',
  'validator',
  'unique',
  'author-validate',
  'validator-violations',
]);

export function remedyOf(page: Page, check: CheckResult): Remedy | undefined {
  const { step, snapshot } = page;
  if (!step || check.outcome !== 'failed') return undefined;
  const command = createIndexIn(check.action ?? '');
  if (command !== undefined) return { icon: 'copy', label: text('remedy.copy'), does: { copy: command } };
  if (ofCode.has(check.id) && step.file !== undefined)
    return does('go-to-file', text('remedy.file'), { type: 'openFile', file: step.file });
  if (!isFinal(snapshot.run.state)) return undefined;
  const names = (check.names ?? []).filter((name) => typeof name === 'string');
  if (names.length > 0)
    return does('play', text('remedy.required'), { type: 'again', command: 'run', names });
  if (ofConnection.has(check.id))
    return does('plug', text('remedy.connection'), {
      type: 'action',
      command: 'migratory.selectConnection',
    });
  return passing.has(check.id)
    ? does('refresh', text('remedy.again'), { type: 'command', command: 'validate', name: step.name })
    : undefined;
}

function does(icon: string, label: string, message: PanelMessage): Remedy {
  return { icon, label, does: { send: message } };
}

/** The command that a check proposes, to be pasted into a shell or a migration. */
export function createIndexIn(action: string): string | undefined {
  return /db\.[^\n]*\.createIndex\([^\n]*\)/.exec(action)?.[0];
}
