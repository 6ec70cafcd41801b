// What stands below a connection in its tree: the server that answered, the stages of its last test with cause and fix,
// and the ways out where nothing answered.
import * as vscode from 'vscode';
import type { ConnectionTestStep } from '../../protocol/runner';
import type { ConnectionInfo } from '../connectionRecords';
import type { ConnectionTest } from '../connectionTests';
import { Command } from '../manifest';
import type { StatusEntry } from '../statuses';
import { ago } from '../words';
import type { NoticeNode } from './nodes';
import { failureNode, wayOut } from './nodes';

const t = vscode.l10n.t;

export interface ConnectionFacts {
  connection: ConnectionInfo;
  status: StatusEntry | undefined;
  test: ConnectionTest | undefined;
  /** About where the server is looked for; said where it could not be reached. */
  hint: string | undefined;
  /** Its connection string is known to this window only. */
  unsaved: boolean;
  now: number;
}

export function connectionDetails(id: string, facts: ConnectionFacts): NoticeNode[] {
  const { connection, status, test, hint, unsaved } = facts;
  const summary = status?.error ? undefined : status?.result?.server.summary;
  return [
    ...(status?.error ? [failureNode(`${id}/failure`, status.error, waysOut(id, connection), hint)] : []),
    ...(unsaved ? [unsavedNode(id, connection)] : []),
    ...(summary === undefined ? [] : [notice(`${id}/server`, summary, 'server')]),
    ...(test ? [testNode(id, test, facts)] : []),
  ];
}

function waysOut(id: string, connection: ConnectionInfo): NoticeNode[] {
  return [
    wayOut(`${id}/retry`, t('Retry'), 'refresh', Command.retryConnection, connection.id),
    wayOut(`${id}/test`, t('Test Connection'), 'pulse', Command.testConnection, connection.id),
    editNode(id, connection),
  ];
}

function editNode(id: string, connection: ConnectionInfo): NoticeNode {
  return wayOut(`${id}/edit`, t('Edit Connection…'), 'edit', Command.editConnection, connection.id);
}

function notice(id: string, label: string, icon: string, color?: string): NoticeNode {
  const themeColor = color === undefined ? undefined : new vscode.ThemeColor(color);
  return { type: 'notice', id, label, icon: new vscode.ThemeIcon(icon, themeColor) };
}

function unsavedNode(id: string, connection: ConnectionInfo): NoticeNode {
  return {
    ...notice(
      `${id}/unsaved`,
      t('Known to this window only: the secret storage could not be written'),
      'warning',
      'list.warningForeground',
    ),
    children: [editNode(`${id}/unsaved`, connection)],
  };
}

function testNode(
  id: string,
  { at, steps }: ConnectionTest,
  { connection, hint, now }: ConnectionFacts,
): NoticeNode {
  if (!steps) return notice(`${id}/testing`, t('Testing…'), 'loading~spin');
  const failed = steps.find(({ outcome }) => outcome === 'failed');
  const node = failed
    ? notice(`${id}/tested`, t('Test failed: {0}', stageWords(failed)), 'error', 'list.errorForeground')
    : notice(`${id}/tested`, t('Test passed'), 'pass', 'testing.iconPassed');
  return {
    ...node,
    description: ago(new Date(at), t, now),
    collapsed: !failed,
    children: steps.map((step) => stageNode(`${id}/tested`, step, connection, hint)),
  };
}

function stageNode(
  id: string,
  step: ConnectionTestStep,
  connection: ConnectionInfo,
  hint: string | undefined,
): NoticeNode {
  const icons = {
    passed: ['check', 'testing.iconPassed'],
    failed: ['error', 'list.errorForeground'],
    skipped: ['dash', undefined],
  } as const;
  const [icon, color] = icons[step.outcome];
  const stage = `${id}/${step.step}`;
  const took = step.outcome === 'passed' ? ` · ${step.durationMs} ms` : '';
  return {
    ...notice(stage, stageWords(step), icon, color),
    description: step.details,
    tooltip: step.details + took,
    children:
      step.outcome === 'failed'
        ? fixes(stage, step, connection, step.step === 'tcp' ? hint : undefined)
        : undefined,
  };
}

/** The cause in full, since a row may be cut off, and everything that may mend it. */
function fixes(
  id: string,
  { details, action }: ConnectionTestStep,
  connection: ConnectionInfo,
  hint: string | undefined,
): NoticeNode[] {
  const command = action?.command;
  const known = command === undefined || ways.has(command);
  return [
    notice(`${id}/cause`, details, 'info'),
    ...(hint === undefined ? [] : [notice(`${id}/hint`, hint, 'remote')]),
    ...(action && command !== undefined && !known
      ? [wayOut(`${id}/action`, action.label, 'lightbulb', command, connection.id)]
      : []),
    wayOut(`${id}/again`, t('Test Connection'), 'pulse', Command.testConnection, connection.id),
    editNode(id, connection),
  ];
}

/** Stand below every stage that failed. */
const ways: ReadonlySet<string> = new Set([
  Command.editConnection,
  Command.testConnection,
  Command.retryConnection,
]);

export function stageWords({ step }: ConnectionTestStep): string {
  const words: Record<ConnectionTestStep['step'], string> = {
    address: t('Connection string'),
    dns: t('Name (DNS)'),
    tcp: t('Network (TCP)'),
    tls: t('Encryption (TLS)'),
    login: t('Login'),
    ping: t('Round trip'),
    rights: t('Rights'),
    topology: t('Server'),
  };
  return words[step];
}
