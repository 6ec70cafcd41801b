// Report Issue: what is needed to understand a problem, filled in, and nothing that is anybody's secret: versions and
// kinds, no names, no addresses, no texts of migrations. A person reads it before anything is sent.
import { release, arch, platform } from 'node:os';
import * as vscode from 'vscode';
import { redact } from '../../protocol/redact';
import { extensionId } from '../manifest';
import type { Services } from '../services';
import { setting } from '../settings';

const t = vscode.l10n.t;

export async function reportIssue(services: Services): Promise<void> {
  const body = redact(issueText(services));
  const manifest = vscode.extensions.getExtension(extensionId)?.packageJSON as { bugs?: unknown } | undefined;
  if (manifest?.bugs !== undefined) {
    await vscode.commands.executeCommand('workbench.action.openIssueReporter', {
      extensionId,
      issueBody: body,
    });
    return;
  }
  // A build without a place for issues: the text is there to be handed on.
  const document = await vscode.workspace.openTextDocument({ language: 'markdown', content: body });
  await vscode.window.showTextDocument(document);
}

function issueText(services: Services): string {
  return [
    `## ${t('What happened?')}`,
    '',
    `## ${t('What did you expect?')}`,
    '',
    `## ${t('How can it be seen again?')}`,
    '',
    `## ${t('Versions')}`,
    '',
    ...facts(services).map(([name, value]) => `- ${name}: ${value}`),
    '',
    t('The log (Migratory: Show Log) often says more. Look through it before you add it.'),
    '',
  ].join('\n');
}

/** In English in every language: they are for whoever mends it. */
function facts({ project, connections, statuses, outlines }: Services): [name: string, value: string][] {
  const extension = vscode.extensions.getExtension(extensionId)?.packageJSON as { version?: string };
  const server = statuses.get(connections.selected?.id)?.result?.server;
  const kinds = outlines.files.flatMap(({ outline }) => outline.entries.map(({ kind }) => kind));
  const counted = [...new Set(kinds)].map((kind) => `${kinds.filter((one) => one === kind).length} ${kind}`);
  return [
    ['Migratory', extension.version ?? '?'],
    [
      'VS Code',
      `${vscode.version} (${vscode.env.appName}, ${vscode.env.uiKind === vscode.UIKind.Desktop ? 'desktop' : 'web'})`,
    ],
    ['Remote', remoteKind(vscode.env.remoteName)],
    ['System', `${platform()} ${arch()} ${release()}`],
    [
      'Node.js of migrations',
      setting('node') === '' ? `the editor's (${process.version})` : 'set by migratory.node',
    ],
    ['Server', server ? `MongoDB ${server.version}, ${server.topology}` : 'not asked'],
    ['Config', project?.config?.flavor ?? 'none'],
    ['Migrations', counted.join(', ') || 'none'],
    ['Trusted', vscode.workspace.isTrusted ? 'yes' : 'no'],
  ];
}

/** `wsl`, `ssh-remote` and the like; where it is an address instead, that is nobody's business. */
function remoteKind(name: string | undefined): string {
  if (name === undefined) return 'no';
  return /^[a-z-]+$/.test(name) ? name : 'yes';
}
